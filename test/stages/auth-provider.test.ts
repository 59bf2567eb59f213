import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import Fastify from 'fastify'
import { exportJWK } from 'jose'
import Provider from 'oidc-provider'
import t from 'tap'
import { createVerifiers } from '../../src/gateway/tools/jwt.js'
import { createKeySets } from '../../src/state/key-sets.js'
import { createVerifiedTokens } from '../../src/state/verified-tokens.js'
import { makeExchange } from '../support/exchange.js'
import { issuerPlan, makeKey, type SigningKey } from '../support/issuer.js'
import { tokenCheck } from '../support/token-check.js'

const clock = { now: () => Date.now(), monotonic: () => performance.now() }

/** A certified OpenID provider on a loopback port, with one machine client. */
async function startProvider(t: { teardown(end: () => unknown): unknown }, keys: readonly SigningKey[]) {
  const server = createServer((request, response) => provider.callback()(request, response))
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}` // a TCP server's address is an object
  const build = async (signing: readonly SigningKey[]) => {
    const jwks = await Promise.all(
      signing.map(async ({ kid, alg, privateKey }) => ({ ...(await exportJWK(privateKey)), kid, alg, use: 'sig' })),
    )
    return new Provider(url, {
      jwks: { keys: jwks },
      cookies: { keys: ['only for this test'] },
      clients: [
        {
          client_id: 'shop',
          client_secret: 'only-for-this-test',
          grant_types: ['client_credentials'],
          redirect_uris: [],
          response_types: [],
          id_token_signed_response_alg: 'ES256',
        },
      ],
      scopes: ['orders:read', 'orders:write'],
      features: {
        devInteractions: { enabled: false },
        clientCredentials: { enabled: true },
        resourceIndicators: {
          enabled: true,
          defaultResource: () => 'urn:orders-api',
          getResourceServerInfo: () => ({
            scope: 'orders:read orders:write',
            audience: 'orders-api',
            accessTokenTTL: 300,
            accessTokenFormat: 'jwt',
            jwt: { sign: { alg: 'ES256' } },
          }),
        },
      },
    })
  }
  let provider = await build(keys)
  return {
    url,
    async token(scope: string): Promise<string> {
      const answer = await fetch(`${url}/token`, {
        method: 'POST',
        headers: { authorization: `Basic ${Buffer.from('shop:only-for-this-test').toString('base64')}` },
        body: new URLSearchParams({ grant_type: 'client_credentials', scope }),
      })
      const body: unknown = await answer.json()
      if (typeof body !== 'object' || body === null || !('access_token' in body)) throw new Error(JSON.stringify(body))
      return String(body.access_token)
    },
    async rotate(next: readonly SigningKey[]) {
      provider = await build(next)
    },
  }
}

t.test('a certified provider is found by discovery, and its tokens open what they may open', async (t) => {
  const first = await makeKey('ES256', 'one')
  const second = await makeKey('ES256', 'two')
  const provider = await startProvider(t, [first])
  const fastify = Fastify()
  const keySets = createKeySets({ clock, timers: false })
  t.teardown(async () => {
    await fastify.close()
    await keySets.close()
  })
  const plan = issuerPlan({ issuer: provider.url, keys: { kind: 'discovery' }, tokenTypes: ['at+jwt'] })
  const elsewhere = { ...plan, name: 'elsewhere', audience: { claim: 'aud', oneOf: ['billing-api'] } }
  const verifiers = createVerifiers({
    issuers: { main: plan, elsewhere },
    fastify,
    vault: new Map(),
    keySets,
    verifiedTokens: createVerifiedTokens(),
    clock,
  })
  await fastify.ready()
  const reads = tokenCheck({ scopes: ['orders:read'], claims: [] }, verifiers('main'))
  const writes = tokenCheck({ scopes: ['orders:write'], claims: [] }, verifiers('main'))
  const bills = tokenCheck({ scopes: [], claims: [] }, verifiers('elsewhere'))
  const bearer = (token: string) => makeExchange({ headers: ['Authorization', `Bearer ${token}`] })

  const token = await provider.token('orders:read')
  const exchange = bearer(token)
  t.match(await reads(exchange), { outcome: 'allow' })
  t.match(exchange.identity, { method: 'jwt', subject: 'shop', clientId: 'shop', scopes: new Set(['orders:read']) })
  t.match(await writes(bearer(token)), { outcome: 'deny', reason: { code: 'auth.scope-missing' } })
  t.match(await bills(bearer(token)), { outcome: 'deny', reason: { code: 'auth.token-audience' } })

  await provider.rotate([second, first])
  const rotated = await provider.token('orders:read orders:write')
  t.not(rotated.split('.')[0], token.split('.')[0], 'the provider signs with its new key')
  t.match(await writes(bearer(rotated)), { outcome: 'allow' }, 'whose first token passes')
  t.match(await reads(bearer(token)), { outcome: 'allow' }, 'as those of the old key do')
})
