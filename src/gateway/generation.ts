import fastify, { type FastifyInstance } from 'fastify'
import type { Plan, RoutePlan } from '../plan/plan.js'
import type { Recorder } from '../record/open-record.js'
import { type Deny, deny, type Reason, type Tools } from '../stages/contract.js'
import { askedMethod } from '../stages/cors/preflight.js'
import { reasons as forwardReasons } from '../stages/forward/reasons.js'
import { reasons as requestReasons } from '../stages/request/reasons.js'
import type { AddressTier } from './address-tier.js'
import { methods } from './canonical.js'
import { type CompiledRoute, compileRoute, requestLimits } from './compiled-route.js'
import type { LiveExchange } from './exchange.js'
import { announcedBytes, type BodyFault, readBody } from './read-body.js'
import { reasons } from './reasons.js'
import { sendDocument, sendEmpty, sendProblem } from './reply.js'
import { type ResourceMetadata, resourceMetadata } from './resource-metadata.js'
import { RouteTable } from './route-table.js'
import { runSteps } from './run-steps.js'
import { inSlices } from './slices.js'
import { Transfer } from './tools/transfer.js'

/** One plan, running: it judges requests and never listens. */
export interface Generation {
  readonly plan: Plan
  readonly recorder: Recorder
  /** Requests inside. */
  readonly inFlight: number
  /** Whether any route takes `%2F` in a parameter; without one the front door refuses it for all. */
  readonly takesEncodedSlash: boolean
  /** Takes one request from the front door to its end. */
  handle(exchange: LiveExchange): void
  /** Refuses before any route is looked for: the front door's own denials. */
  refuse(exchange: LiveExchange, reason: Reason, headers?: readonly string[]): void
  /** The compiled form of a route, if it has been made. */
  compiledRoute(id: string): CompiledRoute | undefined
  /** Counts a request that was no request against its address. */
  noteMalformed(address: string): void
  /** Compiles routes that nobody has asked for yet, a few at a time; settles when all are ready. */
  warmUp(): Promise<void>
  /** Gives back what it borrowed; called when its last request has gone. */
  close(): Promise<void>
}

/** A route whose steps are compiled at its first request, or when the generation warms up. */
interface LiveRoute {
  readonly plan: RoutePlan
  compiled: CompiledRoute | null
}

declare module 'node:http' {
  interface IncomingMessage {
    /** The exchange this message belongs to, between the front door and Fastify's hooks. */
    posternExchange?: LiveExchange
  }
}

/** What a generation borrows to judge by. */
export interface GenerationParts {
  readonly plan: Plan
  readonly tools: Tools
  /** Routes that need not be compiled: the generation before has done it, with the same tools. */
  readonly reused?: ReadonlyMap<RoutePlan, CompiledRoute>
  readonly recorder: Recorder
  /** The gateway-wide address limit; lets everything through where the policy has none. */
  readonly tier: AddressTier
  /** Whether the process is on its way out: every answer then ends its connection. */
  readonly isDraining: () => boolean
  readonly release: () => Promise<void>
}

/** Fastify as a generation uses it: one route that takes every path, since the table decides; no parser, no logger. */
export function createFastify(): FastifyInstance {
  const app = fastify({
    logger: false,
    trustProxy: false,
    exposeHeadRoutes: false,
    return503OnClosing: false,
    // Ids are ours: the front door has made one before Fastify sees the request.
    requestIdHeader: false,
    genReqId: () => '',
    // The query is read by us, and only where somebody asks for it.
    routerOptions: { querystringParser: () => noQuery },
  })
  // Bodies are read by us, under the route's own cap and after its head steps: to Fastify no method has one.
  for (const method of methods) app.addHttpMethod(method, { hasBody: false, overrideExisting: true })
  return app
}

/** Builds a generation of a plan that has resolved. */
export async function createGeneration(app: FastifyInstance, parts: GenerationParts): Promise<Generation> {
  const { plan, tools, reused, recorder, tier, isDraining } = parts
  const table = new RouteTable<LiveRoute>()
  const routes = new Map<string, LiveRoute>()
  const slices = inSlices()
  for (const route of plan.routes) {
    const live: LiveRoute = { plan: route, compiled: reused?.get(route) ?? null }
    routes.set(route.id, live)
    table.add(route.match, live)
    const rest = slices.rest()
    if (rest !== null) await rest
  }
  const takesEncodedSlash = plan.routes.some((route) => requestLimits(route)?.encodedSlash === 'allow')
  const metadata = resourceMetadata(plan)
  let inFlight = 0
  let closing = false

  app.route({
    method: [...methods],
    url: '*',
    onRequest: (request, _reply, done) => {
      const exchange = request.raw.posternExchange
      if (exchange === undefined) throw new Error('a request came past the front door')
      // A request that is refused here never calls `done`: the answer is ours, and Fastify's part is over.
      try {
        const admitted = tier.check(request, exchange.address)
        if (admitted instanceof Promise) {
          admitted.then((denial) => enter(exchange, denial, done)).catch((error: unknown) => fail(exchange, error))
        } else enter(exchange, admitted, done)
      } catch (error) {
        fail(exchange, error)
      }
    },
    handler: (request, reply) => {
      const exchange = request.raw.posternExchange
      reply.hijack()
      if (exchange === undefined) return
      try {
        serve(exchange)
      } catch (error) {
        fail(exchange, error)
      }
    },
  })
  // Nothing should come here: what Fastify would answer by itself is no answer of ours.
  app.setErrorHandler((error, request, reply) => {
    reply.hijack()
    const exchange = request.raw.posternExchange
    if (exchange !== undefined) fail(exchange, error)
  })
  app.setNotFoundHandler((request, reply) => {
    reply.hijack()
    const exchange = request.raw.posternExchange
    if (exchange !== undefined) refuseBefore(exchange, deny(reasons.notFound))
  })
  await app.ready()

  /** Route and head steps; `done` lets Fastify go on to the handler. */
  function enter(exchange: LiveExchange, denial: Deny | null, done: () => void): void {
    if (denial !== null) return refuseBefore(exchange, denial)
    const barred = carriesCredential(exchange) ? tier.failedAuthDenial(exchange.address) : null
    if (barred !== null) return refuseBefore(exchange, barred)
    if (exchange.method === 'OPTIONS' && answersPreflight(exchange)) return
    if (metadata !== null && exchange.path === metadata.path && answersMetadata(exchange, metadata)) return
    const found = table.find(exchange.method, exchange.path)
    if (found === null) {
      return refuseBefore(exchange, deny(exchange.path.includes('%2F') ? reasons.target : reasons.notFound))
    }
    if ('allowed' in found) {
      return refuseBefore(
        exchange,
        deny(reasons.methodNotAllowed, {}, { headers: ['allow', allowHeader(found.allowed)] }),
      )
    }
    const route = compiled(found.route)
    if (takesEncodedSlash && isStray(exchange.path, route)) return refuseBefore(exchange, deny(reasons.target))
    exchange.matched(route, found.params)
    exchange.goOn = done
    runSteps(route.head, exchange, afterHead, fail)
  }

  /** `done` lets Fastify go on to the handler. */
  function afterHead(exchange: LiveExchange, denial: Deny | null): void {
    if (denial === null) exchange.goOn?.()
    else refuseBy(exchange, denial)
  }

  /**
   * A preflight carries no credential and asks for a request to come: the route of that request answers it, before
   * anyone is asked who they are. What is no preflight, or for a route without `cors`, goes the way of any OPTIONS.
   */
  function answersPreflight(exchange: LiveExchange): boolean {
    const asked = askedMethod(exchange)
    // `ANY` is a key of the table and no method.
    if (asked === null || !methods.includes(asked)) return false
    const found = table.find(asked, exchange.path)
    if (found === null || 'allowed' in found) return false
    const route = compiled(found.route)
    if (route.preflight === null || (takesEncodedSlash && isStray(exchange.path, route))) return false
    exchange.matched(route, found.params)
    runSteps([route.preflight], exchange, afterPreflight, fail)
    return true
  }

  function afterPreflight(exchange: LiveExchange, denial: Deny | null): void {
    if (denial !== null) return refuseBy(exchange, denial)
    const close = isDraining() || exchange.hasBody
    if (close) exchange.socket.posternEnds = true
    exchange.record.answered()
    sendEmpty(exchange, 204, exchange.answerHeaders, close)
  }

  /** Before any route, for a route that takes every path must not hide it. Public, so pages of any origin may read it. */
  function answersMetadata(exchange: LiveExchange, { body }: ResourceMetadata): boolean {
    if (exchange.method !== 'GET' && exchange.method !== 'HEAD') return false
    const close = isDraining() || exchange.hasBody
    if (close) exchange.socket.posternEnds = true
    exchange.record.answered()
    exchange.sent(sendDocument(exchange, body, exchange.method === 'HEAD', close))
    return true
  }

  /** A refusal that comes before the route's steps says to its pages what theirs would. */
  function addCorsHeaders(exchange: LiveExchange): void {
    const found = table.find(exchange.method, exchange.path)
    if (found === null || 'allowed' in found) return
    // `cors` answers at once, and only its headers matter here.
    void compiled(found.route).cors?.(exchange)
  }

  /** Body, the steps that need it, the function, and its answer. */
  function serve(exchange: LiveExchange): void {
    const { compiled: route } = exchange
    if (route === null) throw new Error('a request reached the handler without a route')
    if (exchange.hasBody && route.bodyIs !== 'refused') {
      if (route.bodyIs === 'buffered') {
        readBody(exchange, route.maxBodyBytes)
          .then((body) => {
            if (typeof body === 'string') return refuseBody(exchange, body, route.requestStep)
            exchange.body = body
            runSteps(route.rest, exchange, afterRest, fail)
          })
          .catch((error: unknown) => fail(exchange, error))
        return
      }
      if (announcedBytes(exchange) > route.maxBodyBytes) return refuseBody(exchange, 'too-large', route.requestStep)
    }
    runSteps(route.rest, exchange, afterRest, fail)
  }

  function afterRest(exchange: LiveExchange, denial: Deny | null): void {
    if (denial === null) return answer(exchange)
    // An answer that may not leave is waiting, and its function with it.
    exchange.answer?.replace(nothing)
    refuseBy(exchange, denial)
  }

  function refuseBody(exchange: LiveExchange, fault: BodyFault, step: CompiledRoute['requestStep']): void {
    if (fault === 'cut') {
      exchange.record.refuse(reasons.bodyCut.code)
      exchange.breakConnection()
      return
    }
    const denial = deny(requestReasons.bodyTooLarge)
    if (step === null) return refuseBefore(exchange, denial)
    exchange.record.add({ ...step, mode: 'enforce' }, denial, 0)
    refuseBy(exchange, denial)
  }

  /** The function's answer on its way out; the steps have judged it. */
  function answer(exchange: LiveExchange): void {
    const { answer: given, response } = exchange
    if (exchange.isClosed) return
    if (!(given instanceof Transfer)) throw new Error('no step left an answer')
    const headers = given.headers
    headers.push('x-request-id', exchange.id, ...exchange.answerHeaders)
    if (isDraining()) headers.push('connection', 'close')
    let written: boolean
    try {
      written = given.writeTo(response, headers)
    } catch (error) {
      // Node refuses header values that no parser should have let through.
      if (response.headersSent) return exchange.breakConnection()
      exchange.record.fail(forwardReasons.badAnswer.code, { error: error instanceof Error ? error.message : 'unknown' })
      return send(exchange, deny(forwardReasons.badAnswer))
    }
    if (!written) {
      exchange.record.fail(forwardReasons.answerCut.code)
      send(exchange, deny(forwardReasons.answerCut))
    }
  }

  function compiled(route: LiveRoute): CompiledRoute {
    route.compiled ??= compileRoute(route.plan, tools)
    return route.compiled
  }

  function refuseBefore(exchange: LiveExchange, denial: Deny): void {
    exchange.record.refuse(denial.reason.code, denial.evidence)
    if (exchange.compiled === null && exchange.headers['origin'] !== undefined) addCorsHeaders(exchange)
    send(exchange, denial)
  }

  /** A step's denial; the record has it already. */
  function refuseBy(exchange: LiveExchange, denial: Deny): void {
    const { status, isCredentialGood } = denial.reason
    if (status === 401 && isCredentialGood !== true && carriesCredential(exchange)) {
      tier.noteFailedAuth(exchange.address)
    }
    send(exchange, denial)
  }

  function send(exchange: LiveExchange, denial: Deny): void {
    const { response } = exchange
    if (exchange.isClosed || response.headersSent) return
    const headers = [...(denial.headers ?? []), ...exchange.answerHeaders]
    const close = isDraining() || (exchange.hasBody && exchange.body === null)
    exchange.isRefused = true
    if (close) exchange.socket.posternEnds = true
    exchange.sent(sendProblem(exchange, denial.reason, headers, close, denial.errors))
  }

  /** The gateway itself broke: closed, and said so. */
  function fail(exchange: LiveExchange, error: unknown): void {
    exchange.record.fail(reasons.failed.code, {
      error: error instanceof Error ? `${error.name}: ${error.message}` : 'unknown',
    })
    if (exchange.response.headersSent) exchange.breakConnection()
    else send(exchange, deny(reasons.failed))
  }

  return {
    plan,
    recorder,
    takesEncodedSlash,
    get inFlight() {
      return inFlight
    },
    handle(exchange) {
      inFlight++
      exchange.whenDone(() => inFlight--)
      exchange.request.posternExchange = exchange
      app.routing(exchange.request, exchange.response)
    },
    refuse(exchange, reason, headers = []) {
      tier.note(exchange.address)
      refuseBefore(exchange, deny(reason, {}, { headers }))
    },
    compiledRoute(id) {
      return routes.get(id)?.compiled ?? undefined
    },
    noteMalformed(address) {
      tier.note(address)
    },
    async warmUp() {
      const slices = inSlices({ pauseMs: 5 })
      for (const route of routes.values()) {
        if (closing) return
        compiled(route)
        const rest = slices.rest()
        if (rest !== null) await rest
      }
    },
    async close() {
      closing = true
      await app.close()
      await parts.release()
    },
  }
}

/** Whether a path holds an encoded slash that its route did not ask for. Only parameters can: no literal of a route does. */
function isStray(path: string, route: CompiledRoute): boolean {
  return !route.takesEncodedSlash && path.includes('%2F')
}

const nothing: Buffer = Buffer.alloc(0)
const noQuery = Object.freeze({})

/** `ANY` takes every method there is. RFC 9110 section 10.2.1 */
function allowHeader(allowed: readonly string[]): string {
  return (allowed.includes('ANY') ? methods : allowed).join(', ')
}

/** Whether a request shows a credential at all: only those can fail. */
function carriesCredential({ headers }: LiveExchange): boolean {
  return headers['authorization'] !== undefined || headers['x-api-key'] !== undefined
}
