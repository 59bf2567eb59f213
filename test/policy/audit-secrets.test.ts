import t from 'tap'
import { struck } from '../../src/policy/audit/audit.js'
import { secretsIn } from '../../src/policy/audit/secret-like.js'

// Made up on the spot: letters and digits in the shapes that issuers use.
const filler = 'q8Zr3WxT7mKp2VnB9sLd4HcY6gJf1RtE5uAo0NiQ'
const credentials: readonly (readonly [kind: string, text: string])[] = [
  ['an AWS access key', `AKIA${'Z3K9Q7WX'.repeat(2)}`],
  ['a temporary AWS access key', `ASIA${'Z3K9Q7WX'.repeat(2)}`],
  ['a Google API key', `AIza${filler.slice(0, 35)}`],
  ['a GitHub token', `ghp_${filler.slice(0, 36)}`],
  ['a GitHub token', `github_pat_${filler}`],
  ['a GitLab token', `glpat-${filler.slice(0, 20)}`],
  ['an npm token', `npm_${filler.slice(0, 36)}`],
  ['a Stripe key', `sk_live_${filler.slice(0, 24)}`],
  ['a webhook secret', `whsec_${filler.slice(0, 32)}`],
  ['a Slack token', `xoxb-1234567890-${filler.slice(0, 24)}`],
  ['an API key of this gateway', `pst_${filler}`],
  ['a token', `eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEifQ.${filler}`],
  ['random', filler],
  ['random', 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYzT4qK9pLmZ'],
  ['a private key', '-----BEGIN EC PRIVATE KEY-----'],
  ['a private key', '-----BEGIN PRIVATE KEY-----'],
  ['a password in a URL', 'redis://user:hunter2@cache.internal:6379'],
]

const harmless: readonly string[] = [
  'url: https://abc123def456ghi789.lambda-url.eu-west-1.on.aws',
  'url: https://shop-catalogue-function-ew.a.run.app/v2/products',
  'issuer: https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0',
  'jwksUri: https://id.example.com/.well-known/openid-configuration/jwks',
  'at: arn:aws:sns:eu-west-1:111122223333:uploads-of-the-production-shop',
  'sha256sum fe2fc0eaeebdb3ae0ce30bb040ea26aa58b8b78b96c611b6e6a8623e0098e34c',
  'id: 4bf92f3577b34da6a3ce929d0e0e4736',
  'pattern: "^[A-Za-z0-9_-]{1,64}$"',
  'body: ./schemas/CreateOrderRequestVersion2WithCustomerAndLines.json',
  'contentType: [application/vnd.openxmlformats-officedocument.spreadsheetml.sheet]',
  'reason: TheCustomerMayCallThisBeforeSigningInBecauseTheCatalogueIsPublic2026',
  'token: "${secret:admin_token}"',
  'AKIA is how their keys begin',
  'eyJ is how tokens begin',
  '-----BEGIN PUBLIC KEY-----',
  'redis://cache.internal:6379/0',
  'mailto: user@example.com',
  'https://example.com:8443/a@b',
  'POST /very/long/path/with/many/parts/and/{parameters}/and/0123456789',
]

t.test('credentials of every shape are found, whole, and struck out', async (t) => {
  for (const [kind, credential] of credentials) {
    const text = `      x-key: "${credential}"   # for now`
    const found = secretsIn(text)
    t.equal(found[0]?.kind, kind, credential.slice(0, 12))
    const shown = struck(text)
    t.equal(shown.length, text.length, 'columns stay where they were')
    if (kind === 'a private key') continue
    const secret = kind === 'a password in a URL' ? 'hunter2' : credential
    t.notOk(shown.includes(secret), 'it is not shown')
    t.equal(text.slice(found[0]?.start, found[0]?.end), secret)
  }
})

t.test('names, hosts, digests, patterns and references are not', async (t) => {
  for (const text of harmless) t.same(secretsIn(text), [], text)
})

t.test('the time grows with the text and nothing else', async (t) => {
  const shapes = [
    (n: number) => 'a'.repeat(n),
    (n: number) => 'aB3'.repeat(n / 3),
    (n: number) => '://:'.repeat(n / 4),
    (n: number) => '-----BEGIN '.repeat(n / 11),
    (n: number) => 'eyJ.'.repeat(n / 4),
    (n: number) => 'AKIA '.repeat(n / 5),
    (n: number) => '://a:b'.repeat(n / 6),
  ]
  for (const shape of shapes) {
    const text = shape(1_000_000)
    const started = performance.now()
    secretsIn(text)
    const took = performance.now() - started
    t.ok(took < 3_000, `a megabyte of ${text.slice(0, 12)} took ${Math.round(took)} ms`)
  }
})
