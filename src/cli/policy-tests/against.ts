import { connect as connectTcp, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { readAnswer } from '../../gateway/rehearsal/raw-answer.js'
import type { PolicyTest } from '../../policy/test-file.js'
import type { TestTarget } from './run-tests.js'

const patienceMs = 15_000
const mostAnswerBytes = 16 * 1024 * 1024

/**
 * A gateway elsewhere, asked over the network: what it answers is compared, what only its own process knows (codes of
 * the record, lines, what reached the function) is not. Tests that need the test clock, the stand-in function or a
 * credential made here cannot be asked of it.
 */
export function against(url: URL): TestTarget {
  return {
    cannot,
    open: async () => ({
      advance: () => {},
      now: () => Date.now(),
      ask: async (bytes) => {
        const answer = readAnswer(await exchange(url, bytes))
        if (answer.status === 0) throw new Error(`${url.origin} closed the connection without an answer`)
        return { ...answer, record: null, sent: null }
      },
      close: async () => {},
    }),
  }
}

function cannot(test: PolicyTest): string | null {
  if (test.afterMs > 0) return 'needs the test clock'
  if (test.answer !== null) return 'needs the stand-in function'
  if (test.as.credential.kind !== 'none') return 'needs credentials that are made for the test'
  return null
}

/** Sends the bytes and reads until an answer is whole, the other side ends, or patience does. */
function exchange(url: URL, bytes: Buffer): Promise<Buffer> {
  const isTls = url.protocol === 'https:'
  const port = Number(url.port || (isTls ? 443 : 80))
  const host = url.hostname.replace(/^\[|\]$/g, '')
  return new Promise((resolve, reject) => {
    const socket: Socket = isTls ? connectTls({ host, port, servername: host }) : connectTcp({ host, port })
    const chunks: Buffer[] = []
    let length = 0
    const finish = (): void => {
      socket.destroy()
      resolve(Buffer.concat(chunks))
    }
    socket.setTimeout(patienceMs, () => socket.destroy(new Error(`${url.origin} did not answer in time`)))
    socket.on('error', reject)
    socket.on('close', finish)
    socket.on('data', (chunk: Buffer) => {
      chunks.push(chunk)
      length += chunk.length
      if (length > mostAnswerBytes || isWhole(Buffer.concat(chunks))) finish()
    })
    socket.write(bytes)
  })
}

/** Whether an answer is there to its last byte, so that nobody waits for a connection that is kept alive. */
function isWhole(bytes: Buffer): boolean {
  const headEnd = bytes.indexOf('\r\n\r\n')
  if (headEnd === -1) return false
  const head = bytes.toString('latin1', 0, headEnd).toLowerCase()
  if (/^http\/1\.1 1\d\d/.test(head)) return isWhole(bytes.subarray(headEnd + 4))
  if (/^http\/1\.1 (204|304)/.test(head)) return true
  const length = /\r\ncontent-length: *(\d+)/.exec(head)?.[1]
  if (length !== undefined) return bytes.length >= headEnd + 4 + Number(length)
  return bytes.subarray(-5).toString('latin1') === '0\r\n\r\n'
}
