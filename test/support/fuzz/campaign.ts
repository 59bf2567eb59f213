import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { startGateway } from '../gateway.js'
import { type FuzzCase, makeCase } from './cases.js'
import { faultInForwarded, fuzzPolicy } from './judge.js'
import { faultInAnswers, readStrictly, type StrictRequest } from './strict-reader.js'

/** What one campaign found. */
export interface Campaign {
  readonly runs: number
  /** Requests that reached the function, each of them read strictly and held against its route. */
  readonly forwarded: number
  readonly statuses: ReadonlyMap<number, number>
  /** The first violation with the least bytes that still show it; null: none. */
  readonly failure: Failure | null
}

export interface Failure {
  readonly seed: number
  readonly index: number
  readonly what: string
  /** Latin-1. */
  readonly bytes: string
}

interface Teardown {
  teardown(done: () => Promise<void> | void): void
}

/** What came of one case. */
interface Outcome {
  readonly answers: string
  readonly isHung: boolean
}

const atOnce = 128
/** With nothing more to come, an incomplete request is told so: nobody learns anything from its time limit. */
const quietMs = { among: 300, alone: 60 }
const answeredMs = 8
const hangMs = 15_000

/**
 * Sends `runs` made-up requests through a gateway on a real port to a function that reads strictly. It stops at the first
 * violation, and shrinks it.
 */
export async function fuzz(
  t: Teardown,
  options: {
    readonly runs: number
    readonly seed: number
    readonly first?: number
    readonly onProgress?: (done: number) => void
  },
): Promise<Campaign> {
  const { runs, seed, first = 0, onProgress } = options
  const bed = await startBed(t)
  const statuses = new Map<number, number>()
  /** What might be at fault when something shows: under way, or just answered. */
  const recent: number[] = []
  let next = first
  let done = 0
  let found: string | null = null
  const lane = async (): Promise<void> => {
    while (next < first + runs && found === null) {
      const index = next++
      recent.push(index)
      if (recent.length > 8 * atOnce) recent.splice(0, 4 * atOnce)
      const each = makeCase(seed, index)
      const outcome = await bed.send(each, quietMs.among)
      found ??= bed.violation(each, outcome)
      for (const [, status] of outcome.answers.matchAll(/^HTTP\/1\.1 ([0-9]{3})/gm)) {
        statuses.set(Number(status), (statuses.get(Number(status)) ?? 0) + 1)
      }
      onProgress?.(++done)
    }
  }
  await Promise.all(Array.from({ length: Math.min(atOnce, runs) }, lane))
  found ??= bed.strayViolation()
  const { forwarded } = bed
  const failure = found === null ? null : await explain(bed, seed, recent.reverse(), found)
  return { runs: done, forwarded, statuses, failure }
}

/** Finds the case at fault, each sent alone, and takes away from it whatever is not needed to see the fault. */
async function explain(bed: Bed, seed: number, indexes: readonly number[], whole: string): Promise<Failure> {
  for (const index of indexes) {
    const each = makeCase(seed, index)
    const what = await alone(bed, each)
    if (what === null) continue
    const bytes = await shrink(each.pieces, async (pieces) => (await alone(bed, { ...each, pieces })) !== null)
    return { seed, index, what: (await alone(bed, { ...each, pieces: [bytes] })) ?? what, bytes }
  }
  return { seed, index: indexes.at(-1) ?? 0, what: `${whole} (only among ${indexes.length} others)`, bytes: '' }
}

async function alone(bed: Bed, each: FuzzCase): Promise<string | null> {
  const outcome = await bed.send(each, quietMs.alone)
  return bed.violation(each, outcome) ?? bed.strayViolation()
}

/** The least that still fails: pieces are left out in ever smaller groups, then single bytes. */
export async function shrink(
  pieces: readonly string[],
  fails: (pieces: readonly string[]) => Promise<boolean>,
  patience = 600,
): Promise<string> {
  let left = patience
  const lessen = async (parts: readonly string[]): Promise<readonly string[]> => {
    let now = parts
    for (let size = Math.ceil(now.length / 2); size >= 1; size = Math.floor(size / 2)) {
      for (let at = 0; at < now.length && left > 0; ) {
        const without = [...now.slice(0, at), ...now.slice(at + size)]
        left--
        if (without.length > 0 && (await fails(without))) now = without
        else at += size
      }
    }
    return now
  }
  const fewer = await lessen(pieces)
  return (await lessen([...fewer.join('')])).join('')
}

/** A gateway, and the function behind it. */
interface Bed {
  /** @param quiet ms without an answer after which the caller says that no more will come. */
  send(each: FuzzCase, quiet: number): Promise<Outcome>
  /** What was wrong with one case, or with anything since the last look; null: nothing. */
  violation(each: FuzzCase, outcome: Outcome): string | null
  /** The same of requests whose callers left before their answer. */
  strayViolation(): string | null
  /** Requests that the function has had. */
  readonly forwarded: number
}

async function startBed(t: Teardown): Promise<Bed> {
  const requests = new Map<string, StrictRequest>()
  const faults: string[] = []
  let forwarded = 0
  const port = await startFunction(t, (request, fault) => {
    if (fault !== null) faults.push(`the function got ${fault}`)
    if (request === null) return
    forwarded++
    requests.set(request.headers.find(([name]) => name === 'x-request-id')?.[1] ?? '', request)
  })
  const gateway = await startGateway(t, fuzzPolicy(`http://127.0.0.1:${port}`))
  const onCrash = (error: unknown): void => {
    faults.push(`a crash: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`)
  }
  process.on('uncaughtException', onCrash)
  t.teardown(() => void process.off('uncaughtException', onCrash))

  /** Judges what came of these ids, and forgets them. */
  function faultIn(ids: Iterable<string>, bytes: string | null): string | null {
    for (const id of ids) {
      const request = requests.get(id)
      if (request === undefined) continue
      requests.delete(id)
      const fault = faultInForwarded(request, bytes)
      if (fault !== null) return fault
      const record = gateway.records.findLast((each) => each.id === id)
      const wasAsked = record?.steps.some(({ stage, outcome }) => stage === 'auth' && outcome === 'allow')
      if (record !== undefined && wasAsked !== true) return 'nobody was asked who it is'
    }
    return null
  }

  return {
    send: (each, quiet) => send(gateway.gateway.address.port, each, quiet),
    violation(each, { answers, isHung }) {
      if (gateway.records.length > 4 * atOnce) gateway.records.splice(0, 2 * atOnce)
      const [first] = faults.splice(0)
      if (first !== undefined) return first
      if (isHung) return 'a connection that nobody ends'
      const bytes = each.pieces.join('')
      const broken = faultInAnswers(answers, bytes.includes('HEAD'))
      if (broken !== null) return `the caller got ${broken}`
      for (const [, status] of answers.matchAll(/^HTTP\/1\.1 ([0-9]{3})/gm)) {
        if (!expected.has(Number(status))) return `the status ${status}`
      }
      if (each.isHarmless && !answers.startsWith('HTTP/1.1 200 ')) {
        return `a harmless request got ${answers.slice(0, 12)}`
      }
      const ids = [...answers.matchAll(/^x-request-id: ([0-9A-Z]{26})\r$/gim)].map(([, id = '']) => id)
      // Callers who left before their answer: judged now and then, without what they sent.
      return faultIn(ids, bytes) ?? (requests.size > 20 * atOnce ? faultIn([...requests.keys()], null) : null)
    },
    strayViolation() {
      const [first] = faults.splice(0)
      return first ?? faultIn([...requests.keys()], null)
    },
    get forwarded() {
      return forwarded
    },
  }
}

/** What a caller may be told; anything else is a fault of the gateway, for its function is well. */
const expected = new Set([100, 200, 204, 400, 401, 403, 404, 405, 408, 413, 414, 415, 417, 431, 501, 505])

/** Sends the bytes on a connection of their own, and reads to its end. */
function send(port: number, { pieces, isHarmless }: FuzzCase, quietMs: number): Promise<Outcome> {
  return new Promise((resolve) => {
    let answers = ''
    let isHung = false
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    const hang = setTimeout(() => {
      isHung = true
      socket.destroy()
    }, hangMs)
    let quiet = setTimeout(() => socket.end(), isHarmless ? hangMs : quietMs)
    socket.write(Buffer.from(pieces.join(''), 'latin1'))
    socket.on('data', (chunk: Buffer) => {
      answers += chunk.toString('latin1')
      clearTimeout(quiet)
      quiet = setTimeout(() => socket.end(), answeredMs)
    })
    socket.on('end', () => socket.end())
    socket.on('error', () => {})
    socket.on('close', () => {
      clearTimeout(hang)
      clearTimeout(quiet)
      resolve({ answers, isHung })
    })
  })
}

/** A function that reads strictly, and says 200 to whatever it can read. */
async function startFunction(
  t: Teardown,
  onRequest: (request: StrictRequest | null, fault: string | null) => void,
): Promise<number> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => {})
    socket.setNoDelay(true)
    let text = ''
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1')
      for (;;) {
        if (text === '') return
        const reading = readStrictly(text)
        if (reading.kind === 'more') return
        if (reading.kind === 'fault') {
          onRequest(null, reading.fault)
          return void socket.destroy()
        }
        text = text.slice(reading.length)
        onRequest(reading.request, null)
        const body = reading.request.method === 'HEAD' ? '' : 'ok'
        socket.write(`HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 2\r\n\r\n${body}`)
      }
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return (server.address() as AddressInfo).port // a listening TCP server has one
}
