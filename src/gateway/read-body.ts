import type { LiveExchange } from './exchange.js'

/** Why a body could not be read. */
export type BodyFault = 'too-large' | 'cut'

const empty: Buffer = Buffer.alloc(0)

/**
 * Reads a body of at most `maxBytes` into memory. A caller who waits for 100-continue is told to go on here, and only
 * here: a refused one never sends a byte. Never rejects.
 */
export function readBody(exchange: LiveExchange, maxBytes: number): Promise<Buffer | BodyFault> {
  const { request } = exchange
  if (announcedBytes(exchange) > maxBytes) return Promise.resolve('too-large')
  if (exchange.expectsContinue) exchange.response.writeContinue()
  return new Promise((resolve) => {
    let first = empty
    let rest: Buffer[] | null = null
    let bytes = 0
    const onData = (chunk: Buffer): void => {
      bytes += chunk.length
      if (bytes > maxBytes) {
        request.off('data', onData)
        request.pause()
        resolve('too-large')
      } else if (first === empty) first = chunk
      else {
        rest ??= [first]
        rest.push(chunk)
      }
    }
    // Whatever comes first settles it: the listeners of a request that is over cost less than taking them off it.
    const onCut = (): void => resolve('cut')
    request.on('data', onData)
    request.on('end', () => resolve(rest === null ? first : Buffer.concat(rest)))
    request.on('error', onCut)
    request.on('close', onCut)
  })
}

/** The length a caller announced, in bytes; -1 for a body in chunks. */
export function announcedBytes({ request }: LiveExchange): number {
  return Number(request.headers['content-length'] ?? -1)
}
