import t from 'tap'
import { startGateway, type TestGateway } from '../support/gateway.js'
import { makeKey, startIssuer } from '../support/issuer.js'
import { startUpstream } from '../support/upstream.js'

const policy = (issuer: string, upstream: string, keySet: string) => `
issuers: { main: { issuer: "${issuer}", audience: orders-api, keySet: ${keySet} } }
upstreams: { fn: { url: "${upstream}" } }
routes: { GET /: { upstream: fn, auth: { jwt: main } } }
`

const ask = async (gateway: TestGateway, token: string): Promise<number> =>
  (await gateway.get('/', { authorization: `Bearer ${token}` })).status

t.test('keys rotate under load: no valid token is refused, and a removed key dies within its life', async (t) => {
  const [first, second, third] = [await makeKey('ES256', 'a'), await makeKey('ES256', 'b'), await makeKey('ES256', 'c')]
  const issuer = await startIssuer(t, [first])
  const upstream = await startUpstream(t)
  const life = 1_500
  const gateway = await startGateway(
    t,
    policy(issuer.url, upstream.url, `{ maxAge: ${life}ms, cooldown: 100ms, timeout: 1500ms }`),
  )
  const minted = async (key = issuer.keys[0]) => {
    if (key === undefined) throw new Error('there is no key')
    return await issuer.mint(Date.now(), { key, claims: { jti: String(Math.random()) } })
  }
  const known = await minted()
  t.equal(await ask(gateway, known), 200)

  const refused: number[] = []
  let calls = 0
  let isOver = false
  // Callers with tokens of whatever key signs at the moment, as an issuer hands them out, and some that return.
  const callers = Array.from({ length: 8 }, async (_, i) => {
    while (!isOver) {
      const status = await ask(gateway, i % 2 === 0 ? await minted() : known)
      calls++
      if (status !== 200) refused.push(status)
    }
  })
  const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
  for (const key of [second, third, second, third]) {
    // Published first, then signed with, as every issuer does; the old one stays while its tokens live.
    issuer.keys = [...issuer.keys, key].filter((each, i, all) => all.indexOf(each) === i)
    await pause(150)
    issuer.keys = [key, ...issuer.keys.filter((each) => each !== key)]
    await pause(250)
  }
  isOver = true
  await Promise.all(callers)
  t.same(refused, [], `of ${calls} valid tokens none is refused`)

  const dying = await minted(first)
  issuer.keys = issuer.keys.filter((each) => each !== first)
  const removed = performance.now()
  let lastTaken = removed
  while (performance.now() - removed < 2 * life && (await ask(gateway, dying)) === 200) lastTaken = performance.now()
  t.ok(
    lastTaken - removed <= life,
    `dead after ${Math.round(lastTaken - removed)} ms, with the token that was remembered`,
  )
  t.equal(await ask(gateway, known), 401, 'and every other of that key')
  t.equal(await ask(gateway, await minted(second)), 200)
})

t.test('while the issuer hangs, its keys serve everyone; what it alone could know is answered in time', async (t) => {
  const key = await makeKey('ES256', 'a')
  const issuer = await startIssuer(t, [key])
  const upstream = await startUpstream(t)
  const gateway = await startGateway(
    t,
    policy(issuer.url, upstream.url, '{ maxAge: 1s, cooldown: 2s, timeout: 1500ms, staleIfError: 1h }'),
  )
  const known = await issuer.mint(Date.now())
  t.equal(await ask(gateway, known), 200)
  issuer.answer = () => true
  // Over the end of the keys' life, and far into the outage.
  const ends = performance.now() + 4_000
  const before = issuer.paths.length
  const wrong: number[] = []
  const slow: number[] = []
  const unknown = new Map<number, number>()
  let served = 0
  const callers = Array.from({ length: 6 }, async (_, i) => {
    for (let turn = 0; performance.now() < ends; turn++) {
      const token = await issuer.mint(Date.now(), { claims: { jti: `${i}-${turn}` } })
      const status = await ask(gateway, turn % 2 === 0 ? known : token)
      served++
      if (status !== 200) wrong.push(status)
    }
  })
  const strangers = Array.from({ length: 3 }, async (_, i) => {
    for (let turn = 0; performance.now() < ends; turn++) {
      const token = await issuer.mint(Date.now(), { header: { kid: `invented-${i}-${turn}` } })
      const started = performance.now()
      const status = await ask(gateway, token)
      if (performance.now() - started > 2_000) slow.push(performance.now() - started)
      unknown.set(status, (unknown.get(status) ?? 0) + 1)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  })
  await Promise.all([...callers, ...strangers])
  t.same(wrong, [], `of ${served} calls with a known key all are served`)
  t.same(slow, [], 'an unknown key is answered within two seconds')
  t.same([...unknown.keys()].sort(), [...unknown.keys()].filter((status) => status === 401 || status === 503).sort())
  t.ok((unknown.get(503) ?? 0) > 0, 'by 503: nobody can know whether it is new')
  // One attempt for an unknown key, then one each cooldown after a failure: 1.5 s to fail, 2 s to wait.
  t.ok(issuer.paths.length - before <= 3, `${issuer.paths.length - before} questions in four seconds`)
})
