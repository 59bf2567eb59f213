import { Agent, type ClientRequest, type RequestOptions, request } from 'node:http'
import { Agent as TlsAgent, request as tlsRequest } from 'node:https'
import type { Call } from './call.js'
import type { Caller } from './callers.js'
import type { Due } from './shapes.js'

/** The one request of a test; callers add their own headers. */
export interface Sample {
  readonly method: string
  /** Path and query. */
  readonly target: string
  /** Besides those of the caller; by lower-case name. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer | null
}

/** What a run sent, and how well it kept its own time. */
export interface SentRun {
  /** In order of sending. */
  readonly calls: readonly Call[]
  /** When the first was due, on the clock of the calls. */
  readonly startedAt: number
  /** Ms by which calls left later than they were due: median, and what one in a hundred exceeds. */
  readonly lateMs: { readonly median: number; readonly p99: number }
}

const patienceMs = 15_000
const mostBodyBytes = 64 * 1024
const tickMs = 1

/** Sends calls when they are due, whatever became of those before: a slow gateway is not asked less. */
export class Sender {
  readonly #targets: readonly URL[]
  readonly #sample: Sample
  readonly #callers: readonly Caller[]
  readonly #agents: readonly (Agent | TlsAgent)[]
  #turn = 0

  /** @param targets calls go to each in turn. */
  constructor(targets: readonly URL[], sample: Sample, callers: readonly Caller[]) {
    this.#targets = targets
    this.#sample = sample
    this.#callers = callers
    // An agent's connections belong to one address, so each caller has its own.
    this.#agents = callers.map(() =>
      targets[0]?.protocol === 'https:' ? new TlsAgent({ keepAlive: true }) : new Agent({ keepAlive: true }),
    )
  }

  /** Makes all calls that are due. `onCall` hears of each when it is answered; `isStopped` ends the run early. */
  async run(due: readonly Due[], onCall: (call: Call) => void, isStopped: () => boolean): Promise<SentRun> {
    const calls: Promise<Call>[] = []
    const late: number[] = []
    const startedAt = performance.now()
    let next = 0
    await new Promise<void>((resolve) => {
      const timer = setInterval(() => {
        const now = performance.now() - startedAt
        for (let call = due[next]; call !== undefined && call.at <= now; call = due[++next]) {
          late.push(performance.now() - startedAt - call.at)
          calls.push(
            this.send(call.caller).then((made) => {
              onCall(made)
              return made
            }),
          )
        }
        if (next < due.length && !isStopped()) return
        clearInterval(timer)
        resolve()
      }, tickMs)
    })
    const made = await Promise.all(calls)
    late.sort((a, b) => a - b)
    const at = (share: number): number => late[Math.floor((late.length - 1) * share)] ?? 0
    return { calls: made, startedAt, lateMs: { median: at(0.5), p99: at(0.99) } }
  }

  /** One call; it never rejects. */
  send(caller: number): Promise<Call> {
    const who = this.#callers[caller]
    const target = this.#targets[this.#turn++ % this.#targets.length]
    if (who === undefined || target === undefined) throw new Error('a call without a caller or a target')
    const { method, target: path, headers, body } = this.#sample
    const options: RequestOptions = {
      method,
      host: target.hostname.replace(/^\[|\]$/g, ''),
      port: target.port || (target.protocol === 'https:' ? 443 : 80),
      path,
      headers: { ...headers, ...who.headers, ...(body !== null && { 'content-length': String(body.length) }) },
      ...(who.address !== '' && { localAddress: who.address }),
      timeout: patienceMs,
      ...(this.#agents[caller] !== undefined && { agent: this.#agents[caller] }),
    }
    return new Promise((resolve) => {
      const sentAt = performance.now()
      const failed = (): void =>
        resolve({
          caller,
          sentAt,
          answeredAt: performance.now(),
          outcome: 'other',
          status: 0,
          code: '',
          spent: [],
          retryAfter: null,
        })
      const ask: ClientRequest = (target.protocol === 'https:' ? tlsRequest : request)(options, (response) => {
        const answeredAt = performance.now()
        const pieces: Buffer[] = []
        let bytes = 0
        response.on('data', (piece: Buffer) => {
          bytes += piece.length
          if (bytes <= mostBodyBytes) pieces.push(piece)
        })
        response.on('error', failed)
        response.on('end', () => {
          const status = response.statusCode ?? 0
          const code = status < 400 ? '' : codeOf(Buffer.concat(pieces))
          const seconds = Number(response.headers['retry-after'] ?? Number.NaN)
          resolve({
            caller,
            sentAt,
            answeredAt,
            outcome: outcomeOf(status, code),
            status,
            code,
            spent: spentBy(String(response.headers['ratelimit'] ?? '')),
            retryAfter: Number.isFinite(seconds) ? seconds : null,
          })
        })
      })
      ask.on('timeout', () => ask.destroy())
      ask.on('error', failed)
      ask.end(body ?? undefined)
    })
  }

  close(): void {
    for (const agent of this.#agents) agent.destroy()
  }
}

function outcomeOf(status: number, code: string): Call['outcome'] {
  if (status >= 200 && status < 400) return 'admitted'
  return status === 429 && (code === 'rate-limit.exceeded' || code === '') ? 'refused' : 'other'
}

/** The members with nothing left. draft-ietf-httpapi-ratelimit-headers-11 */
function spentBy(rateLimit: string): string[] {
  return [...rateLimit.slice(0, 4_096).matchAll(/"([^"]{1,100})";r=0(?=[;,]|$)/g)].map(([, name = '']) => name)
}

function codeOf(body: Buffer): string {
  try {
    const { code }: { code?: unknown } = Object(JSON.parse(body.toString('utf8')))
    return typeof code === 'string' ? code : ''
  } catch {
    return ''
  }
}
