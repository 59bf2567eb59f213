import type { FastifyInstance, FastifyReply } from 'fastify'
import { type Revocation, type RevocationBook, readRevocation } from '../values/revocation.js'

/**
 * `/revocations` of the admin listener: GET lists those in force, POST adds one, DELETE takes one back. What decides who
 * may call is never open to whoever merely reaches the listener: writing needs its token, on loopback too.
 */
export function addRevocationRoutes(
  app: FastifyInstance,
  lent: {
    readonly book: RevocationBook
    readonly mayRead: (authorization: string | undefined) => boolean
    readonly mayWrite: (authorization: string | undefined) => boolean
    readonly now: () => number
  },
): void {
  const { book, mayRead, mayWrite, now } = lent

  app.get('/revocations', (request, reply) =>
    mayRead(request.headers.authorization) ? reply.send({ revocations: book.list().map(shown) }) : askForToken(reply),
  )
  app.post('/revocations', async (request, reply) => {
    if (!mayWrite(request.headers.authorization)) return askForToken(reply)
    const revocation = readRevocation(request.body, now())
    if (typeof revocation === 'string') return refuse(reply, 400, revocation)
    const added = await book.add(revocation)
    if (added === 'full') return refuse(reply, 507, 'There are 100,000 revocations; no more can be remembered.')
    return reply.code(201).send({ ...shown(revocation), stored: added.stored })
  })
  app.delete<{ Params: { id: string } }>('/revocations/:id', async (request, reply) => {
    if (!mayWrite(request.headers.authorization)) return askForToken(reply)
    const isGone = await book.remove(request.params.id)
    return isGone ? reply.code(204).send() : refuse(reply, 404, 'No revocation has this id.')
  })
}

function shown({ until, issuedBefore, at, ...rest }: Revocation): Readonly<Record<string, unknown>> {
  const time = (ms: number): string => new Date(ms).toISOString()
  return { ...rest, until: time(until), issuedBefore: issuedBefore === null ? null : time(issuedBefore), at: time(at) }
}

function askForToken(reply: FastifyReply): FastifyReply {
  reply.header('www-authenticate', 'Bearer realm="postern"')
  return refuse(reply, 401, 'The token of the admin listener is needed (listeners.admin.token).')
}

function refuse(reply: FastifyReply, status: number, error: string): FastifyReply {
  return reply.code(status).header('cache-control', 'no-store').send({ status, error })
}
