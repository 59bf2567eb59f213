import t from 'tap'
import type { Tools, Verdict } from '../../src/stages/contract.js'
import { askedMethod, compilePreflight } from '../../src/stages/cors/preflight.js'
import type { CorsSettings } from '../../src/stages/cors/settings.js'
import { cors } from '../../src/stages/cors/stage.js'
import { makeExchange } from '../support/exchange.js'
import { makeScope } from '../support/stage-scope.js'

function resolve(text: string, method = 'POST') {
  const { scope, findings, section } = makeScope({ id: `${method} /orders`, method, segments: [{ literal: 'orders' }] })
  return { planned: cors.resolve(section(text), scope), findings }
}

function settingsOf(text: string, method?: string): CorsSettings {
  const [step] = resolve(text, method).planned
  if (step === undefined) throw new Error('nothing was planned')
  return step.settings
}

function grouped(flat: readonly string[]): Record<string, string> {
  return Object.fromEntries(flat.flatMap((name, i) => (i % 2 === 0 ? [[name, flat[i + 1] ?? '']] : [])))
}

/** What an answer says to a page of this origin. */
function saidTo(text: string, origin: string | null) {
  const check = cors.compile(settingsOf(text), {} as unknown as Tools) // `cors` borrows nothing
  const exchange = makeExchange({ headers: origin === null ? [] : ['Origin', origin] })
  t.match(check(exchange), { outcome: 'allow' }, 'a request is never refused for its origin')
  return grouped(exchange.answerHeaders)
}

/** What a preflight is told: the code of its refusal, or its permission. */
function asks(text: string, origin: string, method: string, headers?: string) {
  const check = compilePreflight(settingsOf(text))
  const exchange = makeExchange({
    method: 'OPTIONS',
    headers: [
      'Origin',
      origin,
      'Access-Control-Request-Method',
      method,
      ...(headers === undefined ? [] : ['Access-Control-Request-Headers', headers]),
    ],
  })
  const verdict = check(exchange) as Verdict // answers at once
  return verdict.outcome === 'deny' ? verdict.reason.code : grouped(exchange.answerHeaders)
}

const shop = 'https://shop.example'
const policy = `cors: { origins: ["${shop}", "http://localhost:5173"] }`

t.test('only the very origin that is listed may read an answer', (t) => {
  t.same(saidTo(policy, shop), {
    vary: 'Origin',
    'access-control-allow-origin': shop,
    'access-control-expose-headers': 'x-request-id, retry-after, ratelimit, ratelimit-policy',
  })
  t.equal(saidTo(policy, 'http://localhost:5173')['access-control-allow-origin'], 'http://localhost:5173')
  const strangers = [
    'http://shop.example',
    'https://shop.example:443',
    'https://shop.example:8443',
    'https://shop.example.evil.test',
    'https://evil-shop.example',
    'https://a.shop.example',
    'https://SHOP.example',
    'https://shop.example/',
    'https://shop.example, https://evil.test',
    'http://localhost:5174',
    'null',
    '*',
    '',
    '__proto__',
  ]
  for (const origin of strangers) {
    t.same(saidTo(policy, origin), { vary: 'Origin' }, `${JSON.stringify(origin)} is told nothing`)
    t.equal(asks(policy, origin, 'POST'), 'cors.origin-denied', `${JSON.stringify(origin)} may not even ask`)
  }
  t.same(saidTo(policy, null), { vary: 'Origin' }, 'a cache is told that the origin matters')
  t.end()
})

t.test('with any origin one answer serves all, and never with credentials', (t) => {
  t.same(saidTo('cors: { origins: ["*"], exposeHeaders: [] }', shop), { 'access-control-allow-origin': '*' })
  t.same(saidTo('cors: { origins: ["*"], exposeHeaders: [] }', null), {})
  t.match(resolve('cors: { origins: ["*"], credentials: true }').findings, [
    { code: 'cors.any-origin-with-credentials', at: { line: 1, column: 38 } },
  ])
  t.same(resolve(`cors: { origins: ["${shop}"], credentials: true }`).findings, [])
  t.equal(saidTo(`cors: { origins: ["${shop}"], credentials: true }`, shop)['access-control-allow-credentials'], 'true')
  t.notOk('access-control-allow-credentials' in saidTo(policy, shop), 'they are not allowed by default')
  t.end()
})

t.test('a preflight is permitted what it asks for, and no more', (t) => {
  t.same(asks(`${policy.slice(0, -2)}, maxAge: 5m }`, shop, 'POST', 'content-type, X-Nothing '), 'cors.header-denied')
  t.same(asks(`${policy.slice(0, -2)}, maxAge: 5m }`, shop, 'POST', 'Content-Type,accept'), {
    vary: 'Origin, Access-Control-Request-Method, Access-Control-Request-Headers',
    'access-control-allow-origin': shop,
    'access-control-allow-methods': 'POST',
    'access-control-max-age': '300',
    'access-control-allow-headers': 'content-type',
  })
  t.equal(asks(policy, shop, 'DELETE'), 'cors.method-denied')
  t.equal(asks(policy, shop, 'post'), 'cors.method-denied', 'methods have their capitals')
  t.equal(asks(policy, shop, 'POST', 'authorization'), 'cors.header-denied')
  t.equal(asks(policy, shop, 'POST', '*'), 'cors.header-denied')
  t.equal(asks(policy, shop, 'POST', 'a,'.repeat(200)), 'cors.header-denied', 'a list without an end')
  t.match(asks(`auth: { jwt: main }\n${policy}`, shop, 'POST', 'authorization'), {
    'access-control-allow-headers': 'authorization',
  })
  const listed = `cors: { origins: ["${shop}"], methods: [GET, PUT], headers: [X-Shop] }`
  t.match(asks(listed, shop, 'PUT', 'x-shop'), { 'access-control-allow-methods': 'PUT' })
  t.equal(asks(listed, shop, 'POST'), 'cors.method-denied', 'a list replaces the default')
  t.equal(asks(listed, shop, 'PUT', 'content-type'), 'cors.header-denied')
  t.match(asks('cors: { origins: ["*"] }', 'null', 'POST'), { 'access-control-allow-origin': '*' })
  t.end()
})

t.test('what a page may send by default follows from the route', (t) => {
  t.same(settingsOf(policy, 'GET').methods, ['GET', 'HEAD'])
  t.same(settingsOf(policy, 'DELETE').methods, ['DELETE'])
  t.equal(settingsOf(policy, 'ANY').methods.length, 7)
  t.same(settingsOf(`auth: { apiKey: [acme] }\n${policy}`).headers, ['content-type', 'x-api-key'])
  t.same(settingsOf(`auth: { anyOf: [{ apiKey: [acme] }, { jwt: main }] }\n${policy}`).headers, [
    'content-type',
    'x-api-key',
    'authorization',
  ])
  t.equal(settingsOf(policy).maxAgeSeconds, 600)
  t.end()
})

t.test('only an OPTIONS that asks for a method is a preflight', (t) => {
  const asked = (method: string, headers: readonly string[]) => askedMethod(makeExchange({ method, headers }))
  const full = ['Origin', shop, 'Access-Control-Request-Method', 'PUT']
  t.equal(asked('OPTIONS', full), 'PUT')
  t.equal(asked('POST', full), null)
  t.equal(asked('OPTIONS', full.slice(0, 2)), null)
  t.equal(asked('OPTIONS', full.slice(2)), null)
  t.end()
})

t.test('an origin that no browser would send is refused when the policy is loaded, with the text to write', (t) => {
  const rows: readonly [origin: string, hint: RegExp][] = [
    ['https://shop.example/', /Write https:\/\/shop\.example\./],
    ['https://Shop.Example', /Write https:\/\/shop\.example\./],
    ['https://shop.example:443', /Write https:\/\/shop\.example\./],
    ['https://shop.example/app', /Write https:\/\/shop\.example\./],
    ['https://user@shop.example', /Write https:\/\/shop\.example\./],
    ['https://müller.example', /Write https:\/\/xn--mller-kva\.example\./],
    ['shop.example', /such as https:/],
    ['https://', /such as https:/],
    ['https://*.shop.example', /Name each origin/],
    ['null', /origin of its own/],
  ]
  for (const [origin, hint] of rows) {
    const { findings } = resolve(`cors: { origins: ["https://ok.example", "${origin}"] }`)
    t.match(findings, [{ code: 'cors.origin-invalid', hint, at: { column: 41 } }], origin)
    t.equal(findings.length, 1, origin)
  }
  for (const origin of [
    'https://shop.example',
    'http://127.0.0.1:3000',
    'http://[::1]:3000',
    'capacitor://localhost',
  ]) {
    t.same(resolve(`cors: { origins: ["${origin}"] }`).findings, [], origin)
  }
  t.match(resolve(`cors: { origins: ["${shop}"], maxAge: 2d }`).findings, [{ code: 'cors.max-age-too-long' }])
  t.same(resolve('auth: none'), { planned: [], findings: [] }, 'without cors nothing is planned')
  t.end()
})
