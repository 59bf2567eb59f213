import t from 'tap'
import { newApiKey } from '../../src/stages/auth/api-key.js'
import { signer } from '../support/forge.js'
import { startGateway } from '../support/gateway.js'
import { good, type Kit, rows, withClaims } from '../support/hostile-tokens.js'
import { makeKey, startIssuer, testClock } from '../support/issuer.js'
import { startUpstream } from '../support/upstream.js'
import { converse, message } from '../support/wire.js'

t.test('through a real port no hostile token reaches the function, and every harmless one does', async (t) => {
  const key = await makeKey('ES256', 'k1')
  const rsa = await makeKey('RS256', 'k1')
  const forged = { ES256: await makeKey('ES256', 'k1'), RS256: await makeKey('RS256', 'k1') }
  const issuer = await startIssuer(t, [key])
  const upstream = await startUpstream(t)
  const apiKey = newApiKey()
  const gateway = await startGateway(
    t,
    {
      'routes.yaml': `
issuers:
  remote: { issuer: "${issuer.url}", audience: orders-api, keySet: { timeout: 20s } }
  pinned: { issuer: "https://pinned.test", audience: orders-api, publicKey: ./key.pem }
upstreams: { fn: { url: "${upstream.url}" } }
clients: { acme: { keys: { k1: { sha256: ${apiKey.sha256} } } } }
routes:
  GET /remote: { upstream: fn, auth: { jwt: remote } }
  GET /pinned: { upstream: fn, auth: { jwt: pinned } }
  POST /scoped: { upstream: fn, auth: { jwt: remote, scopes: [orders:write] } }
  GET /key: { upstream: fn, auth: { apiKey: [acme] } }
  GET /open: { upstream: fn, auth: none, reason: a test }
`,
      'key.pem': rsa.publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    },
    { clock: testClock() },
  )
  const port = Number(new URL(gateway.url).port)
  const remote: Kit = {
    name: 'remote',
    alg: 'ES256',
    issuer: issuer.url,
    kid: 'k1',
    sign: signer(key.privateKey),
    forge: signer(forged.ES256.privateKey),
  }
  const pinned: Kit = {
    name: 'pinned',
    alg: 'RS256',
    issuer: 'https://pinned.test',
    kid: 'k1',
    sign: signer(rsa.privateKey),
    forge: signer(forged.RS256.privateKey),
  }
  const call = async (path: string, headers: readonly string[], method = 'GET', body = '') => {
    const before = upstream.requests.length
    const lines = [`${method} ${path} HTTP/1.1`, 'Host: gateway.test', ...headers]
    const { answers } = await converse(port, Buffer.from(message(lines, body)))
    const [answer] = answers
    return { status: answer?.status ?? 0, head: answer?.head ?? '', reached: upstream.requests.length > before }
  }

  for (const kit of [remote, pinned]) {
    t.test(`${kit.name}: ${rows.length} tokens on the wire`, async (t) => {
      const wrong: string[] = []
      for (const { says, hostile, twin } of rows) {
        // A header's value ends before its last blank (RFC 9110 §5.5): on the wire this is the good token.
        if (says === 'a blank after the token') continue
        const refused = await call(`/${kit.name}`, [`Authorization: Bearer ${hostile(kit)}`])
        if (refused.reached || ![400, 401, 431].includes(refused.status)) wrong.push(`${says}: ${refused.status}`)
        if (twin === undefined) continue
        const harmless = await call(`/${kit.name}`, [`Authorization: Bearer ${twin(kit)}`])
        if (!harmless.reached || harmless.status !== 200) wrong.push(`twin of ${says}: ${harmless.status}`)
      }
      t.same(wrong, [])
      t.match(await call(`/${kit.name}`, [`Authorization: Bearer ${good(kit)}`]), { status: 200, reached: true })
    })
  }

  t.test('a token is taken from one header alone', async (t) => {
    const token = good(remote)
    const form = `access_token=${token}`
    const sized = ['Content-Type: application/x-www-form-urlencoded', `Content-Length: ${form.length}`]
    const hostile: readonly [string, string, readonly string[], string?, string?][] = [
      ['no credential', '/remote', []],
      ['in the query', `/remote?access_token=${token}`, []],
      ['in the query, as a header', `/remote?authorization=Bearer%20${token}`, []],
      ['in a cookie', '/remote', [`Cookie: access_token=${token}`]],
      ['in a body', '/scoped', sized, 'POST', form],
      ['in Proxy-Authorization', '/remote', [`Proxy-Authorization: Bearer ${token}`]],
      ['twice', '/remote', [`Authorization: Bearer ${token}`, `Authorization: Bearer ${token}`]],
      ['twice, one of them Basic', '/remote', ['Authorization: Basic eDp5', `Authorization: Bearer ${token}`]],
      ['by Basic', '/remote', [`Authorization: Basic ${Buffer.from(`x:${token}`).toString('base64')}`]],
      ['with an underscore', '/key', [`X_Api_Key: ${apiKey.key}`]],
      ['a key in the query', `/key?x-api-key=${apiKey.key}`, []],
      ['a key twice', '/key', [`X-Api-Key: ${apiKey.key}`, `X-Api-Key: ${apiKey.key}`]],
      ['a folded header', '/remote', ['Authorization: Bearer', ` ${token}`]],
      ['a blank before the colon', '/remote', [`Authorization : Bearer ${token}`]],
    ]
    for (const [says, path, headers, method, body] of hostile) {
      const answer = await call(path, headers, method, body)
      t.ok([400, 401].includes(answer.status) && !answer.reached, `${says}: ${answer.status}`)
    }
    const harmless: readonly [string, string, readonly string[]][] = [
      ['in the header', '/remote', [`Authorization: Bearer ${token}`]],
      ['in small letters', '/remote', [`authorization: bearer ${token}`]],
      ['a key', '/key', [`X-Api-Key: ${apiKey.key}`]],
      ['a key, and a token that nobody asked for', '/key', [`X-Api-Key: ${apiKey.key}`, 'Authorization: Bearer x.y.z']],
      ['anything, where nothing is asked', '/open', ['Authorization: Bearer x.y.z']],
    ]
    for (const [says, path, headers] of harmless) {
      t.match(await call(path, headers), { status: 200, reached: true }, says)
    }
  })

  t.test('401, 403 and 503 are told apart, each with what RFC 6750 and RFC 9110 ask for', async (t) => {
    const sized = (token: string) => [
      `Authorization: Bearer ${token}`,
      'Content-Type: application/json',
      'Content-Length: 2',
    ]
    const post = (token: string) => call('/scoped', sized(token), 'POST', '{}')
    t.match(await call('/scoped', ['Content-Length: 0'], 'POST'), {
      status: 401,
      head: /\r\nwww-authenticate: Bearer realm="api"\r\n/i,
    })
    t.match(await post('x.y.z'), {
      status: 401,
      head: /www-authenticate: Bearer realm="api", error="invalid_token"\r\n/i,
    })
    t.match(await post(good(remote)), { status: 403, head: /error="insufficient_scope", scope="orders:write"\r\n/i })
    t.match(await post(withClaims({ scope: 'orders:write' })(remote)), { status: 200, reached: true })
    issuer.answer = (_, response) => {
      response.destroy()
      return true
    }
    const unknown = good({ ...remote, kid: 'never-published' })
    const answer = await call('/remote', [`Authorization: Bearer ${unknown}`])
    t.ok([401, 503].includes(answer.status) && !answer.reached, String(answer.status))
    if (answer.status === 503) t.match(answer.head, /\r\nretry-after: [1-9]\d*\r\n/i)
    t.match(
      await call('/remote', [`Authorization: Bearer ${good(remote)}`]),
      { status: 200 },
      'known tokens go on passing',
    )
    t.match(
      await call('/remote', [`Authorization: Bearer ${withClaims({ jti: 'new' })(remote)}`]),
      { status: 200 },
      'and new ones',
    )
  })

  t.test('the credential stays here, and the record knows who called and why not', async (t) => {
    await call('/key', [`X-Api-Key: ${apiKey.key}`])
    t.notOk(upstream.requests.at(-1)?.headers['x-api-key'], 'no key reaches the function')
    t.match(gateway.lastRecord(), { outcome: 'forwarded', client: { subject: 'acme', id: 'acme' } })
    await call('/remote', [`Authorization: Bearer ${good(remote)}`])
    t.notOk(upstream.requests.at(-1)?.headers['authorization'], 'and no token')
    t.match(gateway.lastRecord(), { outcome: 'forwarded', client: { subject: 'u1' } })
    await call('/remote', [`Authorization: Bearer ${withClaims({ exp: 1 })(remote)}`])
    t.match(gateway.lastRecord(), {
      outcome: 'denied',
      code: 'auth.token-expired',
      declaredAt: { file: 'routes.yaml' },
      evidence: { issuer: 'remote', exp: 1 },
    })
    t.notOk(JSON.stringify(gateway.records).includes(good(remote).slice(-40)), 'no record holds a token')
    t.notOk(JSON.stringify(gateway.records).includes(apiKey.key.slice(10)), 'or a key')
  })
})
