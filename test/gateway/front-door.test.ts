import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import t from 'tap'
import { clientAddress } from '../../src/gateway/client-address.js'
import { openFrontDoor } from '../../src/gateway/front-door.js'
import type { Generation } from '../../src/gateway/generation.js'
import { MemoryConnection } from '../../src/gateway/rehearsal/memory-connection.js'

const limits = {
  headerBytes: 16_384,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  keepAliveTimeoutMs: 75_000,
  targetBytes: 8_192,
  concurrentRequests: 10,
  connections: 100,
  connectionsPerAddress: 2,
  requestsPerSocket: 10,
  eventLoopDelayMs: 1_000,
  drainMs: 0,
  drainGraceMs: 0,
}

t.test('an address has so many connections, whichever of its own addresses it takes', async (t) => {
  const door = await openFrontDoor({
    listener: null,
    tls: null,
    limits,
    generation: {} as Generation, // no connection here ever says enough to be judged
    clientAddress: clientAddress(['192.0.2.0/24']),
  })
  t.teardown(() => door.drain(0))
  const isAdmitted = (peer: string): boolean => {
    const connection = new MemoryConnection(Buffer.from('G'), peer)
    door.accept(connection)
    return !connection.destroyed
  }
  const rows: readonly (readonly [string, boolean])[] = [
    ['2001:db8::1', true],
    ['2001:db8::ffff:2', true],
    ['2001:db8:0:0:1::3', false],
    ['2001:db8:0:1::3', true],
    ['203.0.113.7', true],
    ['::ffff:203.0.113.7', true],
    ['203.0.113.7', false],
    ['203.0.113.8', true],
    ['192.0.2.1', true],
    ['192.0.2.1', true],
    ['192.0.2.1', true],
  ]
  for (const [peer, admitted] of rows)
    t.equal(isAdmitted(peer), admitted, `${peer} ${admitted ? 'one more' : 'no more'}`)
  t.same(door.refusedConnections, { all: 0, address: 2, handshake: 0 }, 'and whoever looks at the metrics sees it')
})

t.test('connections beyond the limit for all of them are ended and counted', async (t) => {
  const door = await openFrontDoor({
    listener: { host: '127.0.0.1', port: 0 },
    tls: null,
    limits: { ...limits, connections: 2, connectionsPerAddress: 100 },
    generation: {} as Generation, // no connection here ever says a word
    clientAddress: clientAddress([]),
  })
  t.teardown(() => door.drain(0))
  const open = async (): Promise<Socket> => {
    const socket = connect(door.address)
    t.teardown(() => void socket.destroy())
    await once(socket, 'connect')
    return socket
  }
  await open()
  await open()
  const third = await open()
  third.resume()
  await once(third, 'close')
  t.same(door.refusedConnections, { all: 1, address: 0, handshake: 0 })
})
