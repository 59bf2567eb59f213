import { readFile } from 'node:fs/promises'
import { Agent, request } from 'undici'

/** Answers of credential endpoints are small. */
const mostBytes = 256 * 1024

/** One question to a credential endpoint. */
export interface Question {
  readonly method?: 'GET' | 'POST'
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  readonly signal: AbortSignal
}

export interface Told {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly text: string
}

/**
 * Asks an endpoint that hands out credentials. It may stand on a link-local address, where no upstream may; redirects are
 * not followed. Rejects with what an operator needs, and never with what the endpoint sent beside its status.
 */
export async function ask(url: string, { method = 'GET', headers = {}, body, signal }: Question): Promise<Told> {
  const { host, origin, pathname, protocol, hostname } = new URL(url)
  // Tokens and assertions travel there. Link-local endpoints speak nothing but http, and no wire leaves the machine.
  if (protocol !== 'https:' && !isNear(hostname)) throw new Error(`${origin} is asked over https or not at all`)
  const dispatcher = new Agent({ keepAliveTimeout: 1_000, connect: { timeout: 2_000 } })
  try {
    const answer = await request(url, {
      dispatcher,
      method,
      signal,
      headers: { accept: 'application/json, text/plain', ...headers },
      ...(body === undefined ? {} : { body }),
    })
    answer.body.on('error', () => {})
    const pieces: Buffer[] = []
    let bytes = 0
    for await (const piece of answer.body as AsyncIterable<Buffer>) {
      bytes += piece.length
      if (bytes > mostBytes) throw new Error(`${host} sent more than ${mostBytes} bytes`)
      pieces.push(piece)
    }
    if (answer.statusCode !== 200) throw new Error(`${host}${pathname} answered ${answer.statusCode}`)
    return { headers: answer.headers, text: Buffer.concat(pieces).toString() }
  } catch (error) {
    if (signal.aborted) throw new Error(`${host} did not answer in time`)
    const code = error instanceof Error && 'code' in error ? String(error.code) : ''
    throw code === '' ? error : new Error(`${host} cannot be asked (${code})`)
  } finally {
    void dispatcher.close().catch(() => {})
  }
}

/** This machine, or one hop that no router passes on; names that only the metadata service has. */
function isNear(hostname: string): boolean {
  return /^(localhost|127\.[0-9.]+|169\.254\.[0-9.]+|\[::1\]|\[fd[0-9a-f:]+\]|metadata\.google\.internal)$/.test(
    hostname,
  )
}

/** The text as a JSON object. Throws with the name of what sent it. */
export function objectIn(text: string, from: string): Readonly<Record<string, unknown>> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new Error(`${from} holds no JSON`)
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Error(`${from} holds no JSON object`)
  return value as Record<string, unknown> // as just seen
}

/** A file of the operator's. Throws with its name and the fault. */
export async function fileText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? ` (${String(error.code)})` : ''
    throw new Error(`${path} cannot be read${code}`)
  }
}

/** A member that must be a text. */
export function textIn(value: Readonly<Record<string, unknown>>, key: string, from: string): string {
  const found = value[key]
  if (typeof found !== 'string' || found === '') throw new Error(`${from} has no ${key}`)
  return found
}
