import { connect } from 'node:net'
import t from 'tap'
import { startGateway } from '../support/gateway.js'
import { send, sendRaw } from '../support/http.js'
import { startUpstream } from '../support/upstream.js'

t.test('a body that no stage needs passes as it arrives, under the cap of its route', async (t) => {
  const upstream = await startUpstream(t)
  const gateway = await startGateway(
    t,
    `
upstreams: { fn: { url: "${upstream.url}" } }
routes:
  PUT /files/{name}:
    upstream: fn
    auth: none
    reason: a test of uploads
    request: { maxBytes: 1MiB, contentType: [application/octet-stream] }
    inspect: { mode: off }
  GET /files/{name}: { upstream: fn, auth: none, reason: a test of downloads }
`,
  )
  const route = gateway.gateway.plan.routes.find(({ id }) => id.startsWith('PUT'))
  t.equal(route?.body, 'streamed')
  const headers = { 'content-type': 'application/octet-stream' }
  const bytes = Buffer.alloc(900_000, 7)
  const put = await send(gateway.url, 'PUT', '/files/a', { headers, body: bytes })
  t.equal(put.status, 200)
  t.ok(upstream.requests[0]?.body.equals(bytes), 'byte for byte')

  const announced = await send(gateway.url, 'PUT', '/files/a', { headers, body: Buffer.alloc(1_048_577) })
  t.equal(announced.status, 413)
  t.equal(upstream.requests.length, 1, 'an announced surplus is refused before it leaves')

  const chunk = `${(70_000).toString(16)}\r\n${'x'.repeat(70_000)}\r\n`
  const head =
    'PUT /files/a HTTP/1.1\r\nHost: a\r\nContent-Type: application/octet-stream\r\nTransfer-Encoding: chunked\r\n\r\n'
  const grown = await sendRaw(gateway.url, head + chunk.repeat(20), 2_000)
  t.match(grown, /^HTTP\/1\.1 413 /)
  t.equal(upstream.requests.length, 1, 'the function never had a whole one')

  t.equal(
    (await send(gateway.url, 'GET', '/files/a', { headers: { ...headers, 'content-length': '1' }, body: 'x' })).status,
    400,
    'a GET with a body',
  )
  t.equal((await gateway.get('/files/a')).status, 200)
})

t.test('a caller who leaves in the middle of an upload ends the call to the function', async (t) => {
  const upstream = await startUpstream(t)
  const gateway = await startGateway(
    t,
    `
upstreams: { fn: { url: "${upstream.url}" } }
routes:
  PUT /files/{name}:
    upstream: fn
    auth: none
    reason: a test of uploads
    request: { contentType: [application/octet-stream] }
    inspect: { mode: off }
`,
  )
  const { hostname, port } = new URL(gateway.url)
  const closed = new Promise<void>((resolve) => {
    const socket = connect(Number(port), hostname, () => {
      socket.write(
        'PUT /files/a HTTP/1.1\r\nHost: a\r\nContent-Type: application/octet-stream\r\nContent-Length: 1000\r\n\r\nhalf',
      )
      setImmediate(() => setImmediate(() => socket.destroy()))
    })
    socket.on('close', () => resolve())
  })
  await closed
  while (gateway.records.length === 0) await new Promise((resolve) => setImmediate(resolve))
  t.equal(gateway.lastRecord().code, 'wire.body-cut')
  t.equal(upstream.requests.length, 0, 'half a body is no request')
})
