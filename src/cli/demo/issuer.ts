import { randomBytes, randomUUID, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { type LocalServer, listenLocally } from './listen.js'

/** A development issuer: OpenID discovery and a key set over real HTTP. Its keys live in this process and die with it. */
export interface DevIssuer {
  readonly server: LocalServer
  /** Whoever has it may have tokens made; the state file hands it to `postern keys jwt`. */
  readonly mintSecret: string
}

/** What `POST /token` is asked for. */
export interface TokenWish {
  readonly sub: string
  readonly scope: string
  readonly audience: string
  readonly expiresInSeconds: number
  readonly claims: Readonly<Record<string, unknown>>
}

const algorithm = 'ES256'
const maxWishBytes = 16 * 1024

/** Starts the issuer. Tokens are made for whoever shows the secret: not for web pages, nor for other users. */
export async function startDevIssuer(usualPort: number): Promise<DevIssuer> {
  const { publicKey, privateKey } = await generateKeyPair(algorithm)
  const kid = `dev-${randomBytes(4).toString('hex')}`
  const keySet = { keys: [{ ...(await exportJWK(publicKey)), kid, alg: algorithm, use: 'sig' }] }
  const mintSecret = randomBytes(32).toString('base64url')

  const mint = (wish: TokenWish): Promise<string> => {
    const now = Math.floor(Date.now() / 1000)
    return new SignJWT({ client_id: 'dev', scope: wish.scope, ...wish.claims })
      .setProtectedHeader({ alg: algorithm, typ: 'at+jwt', kid })
      .setIssuer(server.url)
      .setAudience(wish.audience)
      .setSubject(wish.sub)
      .setJti(randomUUID())
      .setIssuedAt(now)
      .setExpirationTime(now + wish.expiresInSeconds)
      .sign(privateKey)
  }

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    // A web page can make a browser send requests here under a name of its own (DNS rebinding): only ours is answered.
    if (request.headers.host !== new URL(server.url).host) return send(response, 421, { error: 'unknown host' })
    const asked = `${request.method} ${request.url}`
    if (asked === 'GET /.well-known/openid-configuration') {
      return send(response, 200, {
        issuer: server.url,
        jwks_uri: `${server.url}/jwks`,
        id_token_signing_alg_values_supported: [algorithm],
      })
    }
    if (asked === 'GET /jwks') return send(response, 200, keySet)
    if (asked !== 'POST /token') return send(response, 404, { error: 'not found' })
    if (!isSame(request.headers.authorization ?? '', `Bearer ${mintSecret}`)) {
      return send(response, 401, { error: 'the mint secret of this process is needed: use postern keys jwt' })
    }
    const wish = readWish(await readText(request))
    if (wish === null) return send(response, 400, { error: 'unreadable wish' })
    send(response, 200, { token: await mint(wish) })
  }

  const server = await listenLocally(usualPort, (request, response) => {
    answer(request, response).catch(() => response.destroy())
  })
  return { server, mintSecret }
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' })
  response.end(JSON.stringify(body))
}

function isSame(a: string, b: string): boolean {
  const left = Buffer.from(a)
  const right = Buffer.from(b)
  return left.length === right.length && timingSafeEqual(left, right)
}

async function readText(request: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = []
  let bytes = 0
  for await (const piece of request) {
    const chunk = Buffer.from(piece)
    bytes += chunk.length
    if (bytes > maxWishBytes) throw new Error('wish too long')
    pieces.push(chunk)
  }
  return Buffer.concat(pieces).toString('utf8')
}

function readWish(text: string): TokenWish | null {
  const wish: unknown = JSON.parse(text)
  if (typeof wish !== 'object' || wish === null) return null
  const { sub, scope, audience, expiresInSeconds, claims } = wish as Record<string, unknown> // an object: judged below
  if (typeof sub !== 'string' || typeof scope !== 'string' || typeof audience !== 'string') return null
  if (typeof expiresInSeconds !== 'number' || !Number.isSafeInteger(expiresInSeconds)) return null
  if (typeof claims !== 'object' || claims === null) return null
  return { sub, scope, audience, expiresInSeconds, claims: claims as Record<string, unknown> } // JSON objects only
}
