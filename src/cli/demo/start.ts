import type { Plan } from '../../plan/plan.js'
import type { Overrides } from '../../policy/resolving.js'
import { newApiKey } from '../../stages/auth/api-key.js'
import { shop } from './function.js'
import { startDevIssuer } from './issuer.js'
import { listenLocally } from './listen.js'
import { readDemoStates, writeDemoState } from './state-file.js'

/** What stands around the gateway in a demo. */
export interface Demo {
  readonly functionUrl: string
  readonly issuerUrl: string
  /** Usual ports that were busy, so that others were taken. */
  readonly busyPorts: { readonly function?: number; readonly issuer?: number }
  readonly partnerKey: string
  /** Whether another demo of this user is running, so that `keys jwt` must be told which one is meant. */
  readonly isSecond: boolean
  /** The named things of the example policies, pointed at this machine; names that a policy does not declare change nothing. */
  readonly overrides: Overrides
  /** Gives the example's partner the key of this run. */
  readonly adjust: (plan: Plan) => Plan
  close(): Promise<void>
}

const usualPorts = { function: 8090, issuer: 8091 } as const
/** The names in policies/shared.yaml. */
const example = {
  issuer: 'shop',
  audience: 'shop-api',
  upstreams: ['catalog-fn', 'orders-fn', 'stock-fn'],
  client: 'roastery',
} as const

/** Starts the demo function and the development issuer, with a signing key and an API key made for this run alone. */
export async function startDemo(): Promise<Demo> {
  const [fn, issuer] = await Promise.all([listenLocally(usualPorts.function, shop), startDevIssuer(usualPorts.issuer)])
  const { key, sha256 } = newApiKey()
  const isSecond = readDemoStates().length > 0
  const forget = writeDemoState({
    pid: process.pid,
    startedAt: Date.now(),
    issuer: issuer.server.url,
    audience: example.audience,
    mintSecret: issuer.mintSecret,
  })
  return {
    functionUrl: fn.url,
    issuerUrl: issuer.server.url,
    busyPorts: {
      ...(fn.moved && { function: usualPorts.function }),
      ...(issuer.server.moved && { issuer: usualPorts.issuer }),
    },
    partnerKey: key,
    isSecond,
    overrides: {
      issuers: { [example.issuer]: { issuer: issuer.server.url, jwksUri: `${issuer.server.url}/jwks` } },
      upstreams: Object.fromEntries(example.upstreams.map((name) => [name, fn.url])),
    },
    adjust: (plan) => withKey(plan, example.client, sha256),
    close: async () => {
      forget()
      await Promise.all([fn.close(), issuer.server.close()])
    },
  }
}

function withKey(plan: Plan, name: string, sha256: string): Plan {
  const client = plan.clients[name]
  if (client === undefined) return plan
  const key = { name: 'demo', sha256, expiresAt: null, declaredAt: client.declaredAt }
  return { ...plan, clients: { ...plan.clients, [name]: { ...client, keys: [key] } } }
}
