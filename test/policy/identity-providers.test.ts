import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { openRehearsal } from '../../src/gateway/rehearsal.js'
import { loadPolicy } from '../../src/policy/load.js'
import { makeKey, mint, testClock } from '../support/issuer.js'
import { message } from '../support/wire.js'
import { writeFolder } from './folder.js'

const folder = 'docs/identity-providers'

/** A token as a provider's documentation describes it, and what becomes of it; undefined leaves a member out. */
type Row = readonly [
  says: string,
  request: string,
  claims: Readonly<Record<string, unknown>>,
  code: string | null,
  header?: Readonly<Record<string, unknown>>,
]

interface Shape {
  readonly issuer: string
  /** What every token of the table has. */
  readonly claims: Readonly<Record<string, unknown>>
  readonly header: Readonly<Record<string, unknown>>
  readonly rows: readonly Row[]
}

const untyped = { typ: undefined }
const entra = 'https://login.microsoftonline.com/11111111-2222-3333-4444-555555555555/v2.0'

const shapes: Readonly<Record<string, Shape>> = {
  auth0: {
    issuer: 'https://YOUR-TENANT.eu.auth0.com/',
    header: { typ: 'JWT' },
    claims: {
      sub: 'auth0|5f7c',
      aud: ['https://orders.example.com', 'https://YOUR-TENANT.eu.auth0.com/userinfo'],
      azp: 'abc123',
      scope: 'openid orders:write',
      permissions: ['delete:orders'],
    },
    rows: [
      ['an access token', 'POST /orders', {}, null],
      ['one of the RFC 9068 profile', 'POST /orders', {}, null, { typ: 'at+jwt' }],
      ['a permission', 'DELETE /orders/7', {}, null],
      ['no permission', 'DELETE /orders/7', { permissions: [] }, 'auth.role-missing'],
      ['a machine without the scope', 'POST /orders', { sub: 'abc@clients', scope: 'other' }, 'auth.scope-missing'],
      ['an ID token', 'POST /orders', { aud: 'abc123', scope: undefined }, 'auth.token-audience'],
      [
        'the issuer without its slash',
        'POST /orders',
        { iss: 'https://YOUR-TENANT.eu.auth0.com' },
        'auth.token-issuer',
      ],
    ],
  },
  okta: {
    issuer: 'https://YOUR-ORG.okta.com/oauth2/default',
    header: untyped,
    claims: {
      sub: 'jo@example.com',
      aud: 'api://orders',
      cid: '0oa1',
      uid: '00u1',
      scope: undefined,
      scp: ['openid', 'orders.write'],
      ver: 1,
    },
    rows: [
      ['an access token', 'POST /orders', {}, null],
      ['one without the scope', 'POST /orders', { scp: ['openid'] }, 'auth.scope-missing'],
      ['an ID token', 'POST /orders', { aud: '0oa1', cid: undefined }, 'auth.token-audience'],
      ['an ID token for the API', 'POST /orders', { cid: undefined }, 'auth.claim-mismatch'],
      ['one of the org’s own server', 'POST /orders', { iss: 'https://YOUR-ORG.okta.com' }, 'auth.token-issuer'],
    ],
  },
  'entra-id': {
    issuer: entra,
    header: { typ: 'JWT' },
    claims: {
      sub: 'AAAA',
      oid: '1-2-3',
      tid: '11111111-2222-3333-4444-555555555555',
      aud: '66666666-7777-8888-9999-000000000000',
      azp: 'abc',
      ver: '2.0',
      scope: undefined,
      scp: 'Orders.Write Orders.Read',
    },
    rows: [
      ['a user’s token', 'POST /orders', {}, null],
      ['a machine’s token', 'POST /orders/bulk', { scp: undefined, roles: ['Orders.Import'], idtyp: 'app' }, null],
      [
        'a user at the machines’ route',
        'POST /orders/bulk',
        { roles: ['Orders.Import'], idtyp: 'user' },
        'auth.claim-mismatch',
      ],
      ['no scope', 'POST /orders', { scp: undefined }, 'auth.scope-missing'],
      ['no role', 'POST /orders/bulk', { idtyp: 'app' }, 'auth.role-missing'],
      ['another tenant', 'POST /orders', { iss: entra.replace('1111', '9999') }, 'auth.token-issuer'],
      [
        'version 1',
        'POST /orders',
        { iss: 'https://sts.windows.net/11111111-2222-3333-4444-555555555555/' },
        'auth.token-issuer',
      ],
      ['its version by the wrong claim', 'POST /orders', { ver: '1.0' }, 'auth.claim-mismatch'],
      ['a proof-of-possession token', 'POST /orders', { cnf: { kid: 'x' } }, 'auth.token-bound'],
    ],
  },
  cognito: {
    issuer: 'https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbCdEfGhI',
    header: untyped,
    claims: {
      sub: '4f0c',
      aud: undefined,
      client_id: '1example23456789abcdefghij',
      token_use: 'access',
      scope: 'orders/write',
      'cognito:groups': ['admins'],
      version: 2,
    },
    rows: [
      ['an access token', 'POST /orders', {}, null],
      ['a group', 'DELETE /orders/7', {}, null],
      ['no group', 'DELETE /orders/7', { 'cognito:groups': undefined }, 'auth.role-missing'],
      ['another client', 'POST /orders', { client_id: 'other' }, 'auth.token-audience'],
      [
        'an ID token',
        'POST /orders',
        { token_use: 'id', aud: '1example23456789abcdefghij', client_id: undefined },
        'auth.token-claim-missing',
      ],
      ['an ID token that names its client', 'DELETE /orders/7', { token_use: 'id' }, 'auth.claim-mismatch'],
      [
        'another pool',
        'POST /orders',
        { iss: 'https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Other' },
        'auth.token-issuer',
      ],
    ],
  },
  keycloak: {
    issuer: 'https://id.example.com/realms/shop',
    header: { typ: 'JWT' },
    claims: {
      sub: '3f2d',
      aud: ['orders-api', 'account'],
      azp: 'shop-web',
      typ: 'Bearer',
      scope: 'openid orders-write',
      realm_access: { roles: ['orders-admin', 'offline_access'] },
    },
    rows: [
      ['an access token', 'POST /orders', {}, null],
      ['a realm role', 'DELETE /orders/7', {}, null],
      ['no realm role', 'DELETE /orders/7', { realm_access: { roles: [] } }, 'auth.role-missing'],
      ['no audience mapper', 'POST /orders', { aud: 'account' }, 'auth.token-audience'],
      ['an ID token', 'POST /orders', { aud: 'shop-web', typ: 'ID' }, 'auth.token-audience'],
      ['a refresh token', 'POST /orders', { typ: 'Refresh' }, 'auth.claim-mismatch'],
      ['no sub', 'POST /orders', { sub: undefined }, 'auth.token-claim-missing'],
      ['another realm', 'POST /orders', { iss: 'https://id.example.com/realms/other' }, 'auth.token-issuer'],
    ],
  },
  google: {
    issuer: 'https://accounts.google.com',
    header: { typ: 'JWT' },
    claims: {
      sub: '1099',
      aud: '1234567890-example.apps.googleusercontent.com',
      azp: '1234567890-example.apps.googleusercontent.com',
      email: 'jo@example.com',
      email_verified: true,
      hd: 'example.com',
      scope: undefined,
    },
    rows: [
      ['a user of the domain', 'GET /orders', {}, null],
      [
        'a service account',
        'POST /orders/import',
        { aud: 'https://orders.example.com', email: 'importer@your-project.iam.gserviceaccount.com', hd: undefined },
        null,
      ],
      ['a user of no domain', 'GET /orders', { hd: undefined }, 'auth.claim-mismatch'],
      ['a user of another domain', 'GET /orders', { hd: 'evil.test' }, 'auth.claim-mismatch'],
      ['an unverified address', 'GET /orders', { email_verified: false }, 'auth.claim-mismatch'],
      ['another client', 'GET /orders', { aud: 'other.apps.googleusercontent.com' }, 'auth.token-audience'],
      ['another service account', 'POST /orders/import', { aud: 'https://orders.example.com' }, 'auth.claim-mismatch'],
      ['an issuer without https', 'GET /orders', { iss: 'accounts.google.com' }, 'auth.token-issuer'],
    ],
  },
}

t.test('every provider has its page, its tokens, and a line in the overview', async (t) => {
  const pages = readdirSync(folder).filter((name) => name !== 'README.md')
  t.same(
    pages,
    Object.keys(shapes)
      .map((name) => `${name}.md`)
      .sort(),
  )
  const overview = readFileSync(join(folder, 'README.md'), 'utf8')
  for (const page of pages) t.ok(overview.includes(`](${page})`), page)
})

for (const [name, { issuer, claims, header, rows }] of Object.entries(shapes)) {
  t.test(`${name}: the policy of its page admits its access tokens and no others`, async (t) => {
    const page = readFileSync(join(folder, `${name}.md`), 'utf8')
    const [, yaml = ''] = /^```yaml\n([\s\S]*?)^```$/m.exec(page) ?? []
    const { plan, secrets, problems } = await loadPolicy(writeFolder(t, { 'shown.yaml': yaml }))
    if (plan === null) throw new Error(JSON.stringify(problems))
    const key = await makeKey('RS256', 'k1')
    const clock = testClock()
    const json = JSON.stringify({ keys: [key.jwk] })
    const keys = Object.fromEntries(Object.keys(plan.issuers).map((each) => [each, json]))
    const rehearsal = await openRehearsal({ plan, vault: secrets, clock, isCounting: false, keys })
    t.teardown(() => rehearsal.close())
    for (const [says, request, changes, code, changedHeader = {}] of rows) {
      const token = await mint(issuer, key, clock.now(), {
        claims: { ...claims, ...changes },
        header: { ...header, ...changedHeader },
      })
      const lines = [`${request} HTTP/1.1`, 'Host: gateway.test', `Authorization: Bearer ${token}`]
      const judged = await rehearsal.judge(Buffer.from(message([...lines, 'Content-Length: 0'])))
      t.equal(judged.record.code ?? null, code, says)
      t.equal(
        judged.sent !== null,
        code === null,
        `${says}: ${code === null ? 'reached' : 'did not reach'} the function`,
      )
    }
    const opaque = `${rows[0]?.[1] ?? ''} HTTP/1.1\r\nHost: gateway.test\r\nAuthorization: Bearer ya29.a0AfH6\r\nContent-Length: 0\r\n\r\n`
    t.equal((await rehearsal.judge(Buffer.from(opaque))).record.code, 'auth.token-malformed', 'an opaque token')
  })
}
