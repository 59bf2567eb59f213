import { connect } from 'node:net'

/** One answer as it stood on the wire. */
interface WireAnswer {
  readonly status: number
  /** Status line and headers, latin1. */
  readonly head: string
  readonly body: string
}

/** What came back on one connection. */
export interface Conversation {
  readonly answers: readonly WireAnswer[]
  /** Bytes at the end that make no whole answer: a cut one. */
  readonly rest: string
  /** The other side ended the connection before we did. */
  readonly closedByServer: boolean
  /** It ended by a reset rather than in order. */
  readonly reset: boolean
  /** Nothing settled it within five seconds. */
  readonly timedOut: boolean
}

export interface ConverseOptions {
  /** Answers to wait for before we end the connection; 1 when absent. */
  readonly answers?: number
  /** Ends our side at once: what was sent is all there will be. */
  readonly endAtOnce?: boolean
  /** Goes on writing this every 50 ms. */
  readonly drip?: string
  /** The answer has no body whatever its head says: it answers HEAD. */
  readonly headOnly?: boolean
}

const patienceMs = 5_000

/**
 * Writes bytes as they are and reads what comes back. After the awaited answers it ends its own side and reads on to the
 * end, so that an answer too many is seen.
 */
export function converse(port: number, bytes: string | Buffer, options: ConverseOptions = {}): Promise<Conversation> {
  const { answers: wanted = 1, endAtOnce = false, headOnly = false, drip } = options
  return new Promise((resolve) => {
    const answers: WireAnswer[] = []
    let text = ''
    let ended = false
    let reset = false
    let timedOut = false
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    const patience = setTimeout(() => {
      timedOut = true
      socket.destroy()
    }, patienceMs)
    let closedByServer = false
    let dripping: NodeJS.Timeout | undefined
    socket.on('connect', () => {
      socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes)
      if (drip !== undefined) dripping = setInterval(() => socket.writable && socket.write(drip), 50)
      if (endAtOnce) {
        ended = true
        socket.end()
      }
    })
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1')
      for (let found = readAnswer(text, headOnly); found !== null; found = readAnswer(text, headOnly)) {
        text = text.slice(found.length)
        answers.push(found.answer)
      }
      const last = answers.at(-1)
      if (ended || last === undefined || answers.filter(({ status }) => status >= 200).length < wanted) return
      // Where the other side has said that it will close, it is left to do so.
      if (/\r\nconnection: *close/i.test(last.head)) return
      ended = true
      socket.end()
    })
    socket.on('end', () => {
      clearInterval(dripping)
      if (!ended || endAtOnce) closedByServer = true
      socket.end()
    })
    socket.on('error', () => {
      reset = true
      if (!ended) closedByServer = true
    })
    socket.on('close', () => {
      clearTimeout(patience)
      clearInterval(dripping)
      resolve({ answers, rest: text, closedByServer, reset, timedOut })
    })
  })
}

/** The first whole answer of a text, and its length. */
function readAnswer(text: string, headOnly: boolean): { answer: WireAnswer; length: number } | null {
  const end = text.indexOf('\r\n\r\n')
  if (end === -1) return null
  const head = text.slice(0, end)
  const status = Number(head.slice(9, 12))
  const start = end + 4
  if (status < 200 || status === 204 || status === 304 || headOnly) {
    return { answer: { status, head, body: '' }, length: start }
  }
  const announced = /\r\ncontent-length: *([0-9]+)/i.exec(head)
  if (announced !== null) {
    const total = start + Number(announced[1])
    return text.length < total ? null : { answer: { status, head, body: text.slice(start, total) }, length: total }
  }
  if (!/\r\ntransfer-encoding: *chunked/i.test(head)) return null
  let body = ''
  for (let at = start; ; ) {
    const lineEnd = text.indexOf('\r\n', at)
    if (lineEnd === -1) return null
    const size = Number.parseInt(text.slice(at, lineEnd), 16)
    const dataEnd = lineEnd + 2 + size
    if (text.length < dataEnd + 2) return null
    if (size === 0) return { answer: { status, head, body }, length: dataEnd + 2 }
    body += text.slice(lineEnd + 2, dataEnd)
    at = dataEnd + 2
  }
}

/** Lines of a head, and what follows it, as they go on the wire. */
export function message(lines: readonly string[], body = ''): string {
  return `${lines.join('\r\n')}\r\n\r\n${body}`
}
