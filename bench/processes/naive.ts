// The yardstick above: what a user would compose from the plugins' own documentation. Fastify with its logger,
// @fastify/helmet, @fastify/rate-limit, @fastify/jwt with a static public key (the cheapest of the documented ways), the
// route's own schema, a dozen patterns tried on every parsed string, and undici's `request` to forward.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import helmet from '@fastify/helmet'
import jwt from '@fastify/jwt'
import rateLimit from '@fastify/rate-limit'
import Fastify, { type FastifyReply, type FastifyRequest } from 'fastify'
import { type Dispatcher, Pool } from 'undici'
import { announce } from '../support/announce.js'

const pool = new Pool(`http://127.0.0.1:${process.argv[2]}`)
const folder = process.argv[3] ?? '.'

const suspicious = [
  /\bunion\b[\s\S]{0,40}\bselect\b/i,
  /\b(?:or|and)\b\s+['"]?\d+['"]?\s*=\s*['"]?\d+/i,
  /;\s*(?:drop|delete|insert|update|alter)\b/i,
  /\b(?:sleep|benchmark|pg_sleep|waitfor)\b\s*\(?/i,
  /<script[\s>]/i,
  /\bon(?:error|load|click|mouseover)\s*=/i,
  /javascript\s*:/i,
  /\.\.[\\/]/,
  /\/etc\/(?:passwd|shadow)/i,
  /[;&|`]\s*(?:cat|ls|id|wget|curl|nc|bash|sh)\b/i,
  /\$\{\s*jndi\s*:/i,
  /\{\{[\s\S]{0,40}\}\}/,
  /"\$(?:ne|gt|where|regex)"/,
]

function holdsAttack(value: unknown): boolean {
  if (typeof value === 'string') return suspicious.some((pattern) => pattern.test(value))
  if (Array.isArray(value)) return value.some(holdsAttack)
  if (typeof value === 'object' && value !== null) {
    return Object.entries(value).some(([key, inner]) => holdsAttack(key) || holdsAttack(inner))
  }
  return false
}

async function inspect(request: FastifyRequest, reply: FastifyReply): Promise<void> {
  if (holdsAttack(request.params) || holdsAttack(request.query) || holdsAttack(request.body)) {
    await reply.code(403).send({ error: 'Forbidden' })
  }
}

async function forward(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const { host: _host, connection: _connection, 'content-length': _length, ...headers } = request.headers
  const answer = await pool.request({
    path: request.url,
    method: request.method as Dispatcher.HttpMethod, // Fastify has matched it against a route
    headers,
    body: request.body === undefined ? null : JSON.stringify(request.body),
  })
  const { connection: _hop, 'keep-alive': _hop2, server: _server, 'x-powered-by': _by, ...kept } = answer.headers
  return reply.code(answer.statusCode).headers(kept).send(answer.body)
}

const app = Fastify({ logger: true })
await app.register(helmet)
await app.register(rateLimit, { max: 1_000_000_000, timeWindow: '1 minute' })
const orderBody = JSON.parse(readFileSync(join(folder, 'schemas', 'order.json'), 'utf8'))
for (const algorithm of ['RS256', 'ES256'] as const) {
  const name = algorithm.toLowerCase()
  await app.register(
    async (routes) => {
      await routes.register(jwt, {
        secret: { public: readFileSync(join(folder, `${name}.pem`)) },
        verify: { algorithms: [algorithm], allowedIss: `https://${name}.bench.example/`, allowedAud: 'bench' },
      })
      routes.addHook('onRequest', async (request) => {
        await request.jwtVerify()
      })
      const id = { type: 'object', properties: { id: { type: 'string', pattern: '^[a-z0-9-]{1,40}$' } } }
      routes.get('/orders/:id', { schema: { params: id }, preHandler: inspect }, forward)
      routes.post('/orders', { schema: { body: orderBody }, preHandler: inspect }, forward)
    },
    { prefix: `/${name}` },
  )
}
await app.listen({ port: 0, host: '127.0.0.1' })
announce(app.server)
