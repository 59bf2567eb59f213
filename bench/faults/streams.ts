import { connect } from 'node:net'
import { residentMegabytes } from '../support/processes.js'
import { ask, type Outcome, pause, startWorld } from './world.js'

const readers = 50
const megabytes = 200
/** What one slow reader takes in a second. */
const bytesPerSecond = 4 * 1024 * 1024
const tickMs = 50

/** Fifty callers read 200 MB each, slowly, while the function sends as fast as it is let. */
export async function streams(): Promise<Outcome> {
  const world = await startWorld('  GET /stream: { auth: none, reason: a bench, timeout: { total: off } }\n')
  try {
    const { port, child } = world.postern
    // A process that has just started grows with its first thousand requests, whatever they are.
    const warming = ask(port, '/well', { connections: 50, rate: 1_000 })
    await pause(4_000)
    await warming.stop()
    const before = residentMegabytes(child)
    let most = before
    let bytes = 0
    let cut = 0
    let isOver = false
    const sockets = Array.from({ length: readers }, () => {
      const socket = connect({ port, host: '127.0.0.1' })
      socket.on('error', () => {})
      socket.on('close', () => {
        if (!isOver) cut++
      })
      socket.write(`GET /stream?mb=${megabytes} HTTP/1.1\r\nHost: a.example\r\n\r\n`)
      return socket
    })
    const share = (bytesPerSecond * tickMs) / 1_000
    const timer = setInterval(() => {
      for (const socket of sockets) {
        let left = share
        for (let chunk = socket.read(); chunk !== null && left > 0; chunk = socket.read()) {
          bytes += chunk.length
          left -= chunk.length
        }
      }
      most = Math.max(most, residentMegabytes(child))
    }, tickMs)
    await pause(20_000)
    clearInterval(timer)
    isOver = true
    for (const socket of sockets) socket.destroy()
    const growth = most - before
    return {
      rows: [
        [
          `${readers} slow readers of ${megabytes} MB: read in 20 s`,
          `${(bytes / 1024 / 1024 / readers).toFixed(0)} MB each`,
          '',
        ],
        [`${readers} slow readers of ${megabytes} MB: memory grows by`, `${growth.toFixed(0)} MB in all`, '≤ 100 MB'],
      ],
      figures: { 'streams: MB of growth': growth },
      wrong: [...(cut > 0 ? [`${cut} streams broke off`] : []), ...(bytes === 0 ? ['nothing was read'] : [])],
    }
  } finally {
    await world.close()
  }
}
