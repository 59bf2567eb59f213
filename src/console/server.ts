import { createHash, timingSafeEqual } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import { isIPv4, isIPv6 } from 'node:net'
import helmet from '@fastify/helmet'
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { hottest } from '../record/hottest.js'
import type { Metrics } from '../record/metrics.js'
import type { Recent } from '../record/recent.js'
import type { RevocationBook } from '../values/revocation.js'
import { addRevocationRoutes } from './revocation-routes.js'

/** What /readyz tells. */
export interface Status {
  /** Whether the public listener takes requests under a plan. */
  readonly ready: boolean
  readonly draining: boolean
  /** Fingerprint of the plan that serves. */
  readonly plan: string | null
  /** Epoch ms. */
  readonly loadedAt: number | null
  /** Parts of gateway.yaml that a reload has changed and only the next start can put to work. */
  readonly restartNeeded: readonly string[]
  /** The last reload that was refused since `loadedAt`: the plan that serves is older than the files. */
  readonly refused: {
    readonly at: number
    readonly problems: number
    /** The first problem in one line: `orders.yaml:14:9 rate-limit.key-unknown Unknown key "bursts".` */
    readonly first: string
  } | null
}

/** The admin listener, once it listens. */
export interface Console {
  readonly address: { readonly host: string; readonly port: number }
  close(): Promise<void>
}

/** Records that one look at the hottest clients goes through: a few ms of work. */
const mostCounted = 2_000

/**
 * Starts the admin listener: `/livez`, `/readyz` and `/metrics` for everybody who reaches it, `/records/<id>` and `/top` for
 * whoever has the token, or on a loopback address for everybody on this machine. It has its own server, so limits and shedding of
 * the public listener do not touch it. Rejects when the address cannot be had.
 */
export async function startConsole(options: {
  readonly host: string
  readonly port: number
  /** Asked at each look, as a reload may change it. Null: records are shown on a loopback address alone. */
  readonly token: () => string | null
  readonly status: () => Status
  readonly metrics: Pick<Metrics, 'text'>
  readonly recent: Pick<Recent, 'find' | 'latest'>
  /** The public keys of hop tokens; without it there is no such path. */
  readonly jwks?: () => object
  /** What operators revoke; without it there is no such path. */
  readonly revocations?: RevocationBook
}): Promise<Console> {
  const { host, port, token, status, metrics, recent } = options
  const isLoopback = isLoopbackHost(host)
  const mayReadRecords = isLoopback ? () => true : tokenCheck(token)
  const app = await createApp(isLoopback)

  app.get('/livez', (_request, reply) => reply.send({ live: true }))
  app.get('/readyz', (_request, reply) => {
    const now = status()
    return reply.code(now.ready && !now.draining ? 200 : 503).send(now)
  })
  app.get('/metrics', async (_request, reply) =>
    reply.header('content-type', 'text/plain; version=0.0.4; charset=utf-8').send(await metrics.text()),
  )
  app.get<{ Params: { id: string } }>('/records/:id', (request, reply) => {
    if (!mayReadRecords(request.headers.authorization)) {
      return refuse(reply.header('www-authenticate', 'Bearer realm="postern"'), 401, 'A token is needed.')
    }
    const record = recent.find(request.params.id)
    return record === undefined ? refuse(reply, 404, 'No record with this id is remembered.') : reply.send(record)
  })

  app.get<{ Querystring: { seconds?: string } }>('/top', (request, reply) => {
    if (!mayReadRecords(request.headers.authorization)) {
      return refuse(reply.header('www-authenticate', 'Bearer realm="postern"'), 401, 'A token is needed.')
    }
    const seconds = Number(request.query.seconds ?? 60)
    if (!(seconds >= 1 && seconds <= 3_600)) return refuse(reply, 400, 'seconds is a number from 1 to 3600.')
    return reply.send(hottest(recent.latest(mostCounted), Date.now(), seconds * 1000))
  })

  const { jwks } = options
  if (jwks !== undefined) {
    app.get('/jwks', (_request, reply) =>
      reply.header('content-type', 'application/jwk-set+json').send(JSON.stringify(jwks())),
    )
  }
  if (options.revocations !== undefined) {
    const mayWrite = tokenCheck(token)
    addRevocationRoutes(app, { book: options.revocations, mayRead: mayReadRecords, mayWrite, now: Date.now })
  }

  await app.listen({ host, port })
  // The address of a server that listens on a TCP port is never a path and never null.
  const bound = app.server.address() as AddressInfo
  return {
    address: { host: bound.address, port: bound.port },
    close: () => app.close(),
  }
}

async function createApp(isLoopback: boolean): Promise<FastifyInstance> {
  const app = fastify({
    // Few connections, and none for long: a slow or silent one must not keep a probe out.
    http: { headersTimeout: 5_000, connectionsCheckingInterval: 2_000 },
    bodyLimit: 1_024,
    forceCloseConnections: true,
    requestTimeout: 5_000,
    keepAliveTimeout: 5_000,
    routerOptions: { maxParamLength: 256 },
    // Fastify's own answers repeat what the caller sent; ours are constant. No hook has run here, so helmet has not either.
    frameworkErrors: (_error, _request, reply) => {
      reply.headers({ 'x-content-type-options': 'nosniff', 'content-security-policy': "default-src 'none'" })
      refuse(reply, 400, 'The request could not be read.')
    },
  })
  app.server.maxConnections = 256
  await app.register(helmet, {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: { defaultSrc: ["'none'"], baseUri: ["'none'"], formAction: ["'none'"], frameAncestors: ["'none'"] },
    },
    // Spoken over plain HTTP inside; a promise of HTTPS would be a lie.
    strictTransportSecurity: false,
    xFrameOptions: { action: 'deny' },
  })
  app.addHook('onRequest', async (request, reply) => {
    reply.header('cache-control', 'no-store')
    // A page of the internet may point its own name at 127.0.0.1 and so read what this machine serves (DNS rebinding). The
    // browser then sends that name; people and probes say localhost or an address.
    if (isLoopback && !isLocalName(request))
      return refuse(reply, 403, 'This listener answers to localhost and addresses.')
  })
  app.setNotFoundHandler((_request, reply) => refuse(reply, 404, 'Nothing is here.'))
  app.setErrorHandler((_error, _request, reply) => refuse(reply, 500, 'The request could not be answered.'))
  return app
}

function refuse(reply: FastifyReply, status: number, error: string): FastifyReply {
  return reply.code(status).header('cache-control', 'no-store').send({ status, error })
}

/** Compares digests, so that neither length nor content of the token shows in the time taken. */
function tokenCheck(current: () => string | null): (authorization: string | undefined) => boolean {
  return (authorization) => {
    const token = current()
    if (token === null || token === '') return false
    const space = authorization?.indexOf(' ') ?? -1
    if (authorization === undefined || authorization.slice(0, space).toLowerCase() !== 'bearer') return false
    return timingSafeEqual(digest(authorization.slice(space + 1)), digest(token))
  }
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

/** Names and addresses that only this machine reaches; an unusual spelling counts as open to others. */
function isLoopbackHost(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'))
}

/** Whether the request asks for `localhost` or for an IP address, with or without a port. */
function isLocalName(request: FastifyRequest): boolean {
  const asked = request.headers.host ?? ''
  const name = asked.replace(/:[0-9]{1,5}$/, '')
  if (name.startsWith('[') && name.endsWith(']')) return isIPv6(name.slice(1, -1))
  return name === 'localhost' || isIPv4(name)
}
