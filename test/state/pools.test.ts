import { createServer, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import type { Dispatcher } from 'undici'
import type { Resolve } from '../../src/state/guarded-connector.js'
import { Pools } from '../../src/state/pools.js'
import { isMetadataAddress } from '../../src/values/metadata-address.js'

t.test('no upstream may resolve to where a cloud keeps its credentials, in any notation', async (t) => {
  const forbidden = [
    '169.254.169.254',
    '169.254.170.2',
    '169.254.0.1',
    '100.100.100.200',
    '168.63.129.16',
    '192.0.0.192',
    '0.0.0.0',
    'fe80::1',
    'fe80::1%eth0',
    'febf::1',
    'fd00:ec2::254',
    'FD00:EC2:0:0:0:0:0:254',
    'fd20:ce::254',
    '::',
    '::ffff:169.254.169.254',
    '::ffff:a9fe:a9fe',
    '::169.254.169.254',
    '64:ff9b::169.254.169.254',
    '64:ff9b::a9fe:a9fe',
    '2002:a9fe:a9fe::1',
    '2002:a9fe:a9fe:0:0:0:0:1',
  ]
  for (const address of forbidden) t.ok(isMetadataAddress(address), address)
})

t.test('the nearest ordinary address may be one', async (t) => {
  const ordinary = [
    '169.253.255.255',
    '169.255.0.1',
    '100.100.100.201',
    '168.63.129.17',
    '10.0.0.1',
    '127.0.0.1',
    '::1',
    'fec0::1',
    'fd00:ec2::253',
    '::ffff:10.0.0.1',
    '64:ff9b::10.0.0.1',
    '2002:a00:1::1',
    '2001:db8::a9fe:a9fe',
    'fn.example',
  ]
  for (const address of ordinary) t.notOk(isMetadataAddress(address), address)
})

/** A server that does `serve` with each connection, and pools that resolve every name as they are told. */
async function start(t: Test, serve: (socket: Socket) => void) {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.once('data', () => serve(socket))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number } // a listening TCP server has one
  const names = { now: ['127.0.0.1'], asked: 0 }
  const resolve: Resolve = (_host, done) => {
    names.asked++
    done(
      null,
      names.now.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
    )
  }
  const pools = new Pools(resolve)
  t.teardown(async () => {
    await pools.close()
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const { pool } = pools.acquire({ origin: `http://fn.test:${port}`, tls: null })
  const ask = () =>
    new Promise<{ body: string; error: string | null }>((settle) => {
      let body = ''
      const handler = {
        onConnect() {},
        onHeaders: () => true,
        onData(chunk: Buffer) {
          body += chunk.toString()
          return true
        },
        onComplete: () => settle({ body, error: null }),
        onError: (error: Error & { code?: string }) => settle({ body, error: error.code ?? error.name }),
      }
      pool.dispatch({ method: 'GET', path: '/' }, handler as unknown as Dispatcher.DispatchHandler) // undici 7 takes it
    })
  return { ask, names, sockets }
}

const head = 'HTTP/1.1 200 OK\r\n'

t.test('a name that is pointed at a metadata service between two connects is not followed', async (t) => {
  const { ask, names, sockets } = await start(t, (socket) =>
    socket.end(`${head}Connection: close\r\nContent-Length: 2\r\n\r\nok`),
  )
  t.same(await ask(), { body: 'ok', error: null })
  names.now = ['169.254.169.254']
  t.same(await ask(), { body: '', error: 'POSTERN_FORBIDDEN' })
  names.now = ['127.0.0.1', 'fe80::1']
  t.same(await ask(), { body: '', error: 'POSTERN_FORBIDDEN' }, 'nor is one of several addresses')
  names.now = ['127.0.0.1']
  t.same(await ask(), { body: 'ok', error: null })
  t.equal(names.asked, 4, 'it is resolved at each connect')
  t.equal(sockets.size, 2, 'and what is refused is never connected')
})

t.test('a reset is no end of an answer that has no length, and hanging up is', async (t) => {
  for (const [what, finish, error] of [
    ['resets', (socket: Socket) => socket.resetAndDestroy(), 'POSTERN_RESET'],
    ['hangs up', (socket: Socket) => socket.end(), null],
  ] as const) {
    const { ask } = await start(t, (socket) => {
      socket.write(`${head}\r\nhalf of it`, () => setTimeout(() => finish(socket), 30))
    })
    t.same(await ask(), { body: 'half of it', error }, what)
  }
})
