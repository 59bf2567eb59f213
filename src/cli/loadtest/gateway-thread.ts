import { randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { parentPort, workerData } from 'node:worker_threads'
import { openGateway } from '../../gateway/gateway.js'
import { testCredentials } from '../../gateway/rehearsal/credentials.js'
import { systemClock } from '../../gateway/tools/clock.js'
import type { Plan } from '../../plan/plan.js'
import { type Loaded, loadPolicy } from '../../policy/load.js'
import { createState } from '../../state/state.js'
import { CredentialFault, credentialHeader } from '../policy-tests/credential.js'
import type { CallerWish, ThreadAnswer, ThreadSettings } from './own-gateway.js'

/**
 * The gateways of a load test, in a thread of their own so that they and the sender do not wait for each other: the
 * policy as it is, with functions that cost nothing and credentials made for this run.
 */
async function serve(port: NonNullable<typeof parentPort>, { folder, gateways }: ThreadSettings): Promise<void> {
  const say = (answer: ThreadAnswer): void => port.postMessage(answer)
  const { loaded, hasSecrets } = await load(folder)
  if (loaded.plan === null) return say({ kind: 'problems', problems: loaded.problems })
  const credentials = await testCredentials(loaded.plan, loaded.secrets)
  const plan = dry(credentials.plan, await startFunction(), hasSecrets)
  const urls: string[] = []
  for (let i = 0; i < gateways; i++) {
    const gateway = await openGateway({
      plan,
      vault: loaded.secrets,
      state: createState(systemClock),
      clock: systemClock,
      readers: [],
    })
    urls.push(`http://127.0.0.1:${gateway.address.port}`)
  }
  const store = plan.gateway.store.redis !== null ? 'redis' : 'memory'
  say({ kind: 'ready', urls, store, isStoreLeftOut: !hasSecrets && loaded.plan.gateway.store.redis !== null })

  port.on('message', ({ id, route: routeId, credential, now }: CallerWish) => {
    const route = plan.routes.find((each) => each.id === routeId) ?? null
    const caller = { credential, address: '127.0.0.1' }
    credentialHeader(caller, route, { ...credentials, plan }, now)
      .then((header) => say({ kind: 'credential', id, header }))
      .catch((error: unknown) => {
        const fault = error instanceof CredentialFault ? error.message : 'The credential could not be made.'
        say({ kind: 'credential', id, header: null, fault })
      })
  })
}

/** With the secrets, where they are to be had: a shared store is reached by one. Without, everything else works as well. */
async function load(folder: string): Promise<{ readonly loaded: Loaded; readonly hasSecrets: boolean }> {
  const loaded = await loadPolicy(folder)
  if (loaded.plan !== null) return { loaded, hasSecrets: true }
  return { loaded: await loadPolicy(folder, { standInSecrets: true }), hasSecrets: false }
}

/** A function that answers at once, whatever it is asked. */
function startFunction(): Promise<string> {
  const body = Buffer.from('{"ok":true}')
  const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    request.resume()
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': String(body.length) })
    response.end(request.method === 'HEAD' ? undefined : body)
  })
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo // a TCP server's address is an object
      resolve(`http://127.0.0.1:${port}`)
    })
  })
}

/**
 * The plan with everything taken out that is not under test and might stand in the way: real functions, their breakers
 * and places, what is asked of their answers, and the limit of one address, from which all callers here come. A shared
 * store is used under a prefix of its own, so that nobody's counters are touched.
 */
function dry(plan: Plan, functionUrl: string, hasSecrets: boolean): Plan {
  const { gateway } = plan
  const { redis } = gateway.store
  const prefix = `${redis?.prefix ?? ''}loadtest-${randomBytes(6).toString('hex')}:`
  return {
    ...plan,
    gateway: {
      ...gateway,
      addressLimit: null,
      trustedProxies: [],
      store: { ...gateway.store, redis: redis === null || !hasSecrets ? null : { ...redis, prefix } },
      limits: {
        ...gateway.limits,
        connections: 20_000,
        connectionsPerAddress: 20_000,
        concurrentRequests: 20_000,
        eventLoopDelayMs: Number.POSITIVE_INFINITY,
      },
      listeners: {
        ...gateway.listeners,
        public: { ...gateway.listeners.public, host: '127.0.0.1', port: 0, tls: null },
      },
    },
    upstreams: Object.fromEntries(
      Object.entries(plan.upstreams).map(([name, upstream]) => [
        name,
        {
          ...upstream,
          origin: functionUrl,
          basePath: '',
          auth: { kind: 'none' },
          tls: null,
          breaker: null,
          reservedConcurrency: null,
          concurrency: 20_000,
        } as const,
      ]),
    ),
    routes: plan.routes.map((route) => ({
      ...route,
      steps: route.steps.filter(({ stage }) => stage !== 'response' && stage !== 'ip'),
    })),
  }
}

if (parentPort !== null) void serve(parentPort, workerData as ThreadSettings) // what own-gateway.ts gave
