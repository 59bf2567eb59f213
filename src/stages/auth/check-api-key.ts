import type { ClientPlan } from '../../plan/plan.js'
import { allow, type Check, deny, type Tools } from '../contract.js'
import { type KeyTable, keyTable } from './api-key.js'
import { challenges } from './challenges.js'
import { singleHeader } from './credentials.js'
import { reasons } from './reasons.js'

const challenge = { headers: challenges.apiKey }
const missing = deny(reasons.missing, { header: 'x-api-key' }, challenge)
const repeated = deny(reasons.credentialsRepeated, { header: 'x-api-key' })
const malformed = deny(reasons.keyMalformed, { header: 'x-api-key' }, challenge)
const unknown = deny(reasons.keyUnknown, { header: 'x-api-key' }, challenge)

/** Tables by the clients they were built from: a thousand routes of one generation share one. Never grows by traffic. */
const tables = new WeakMap<Readonly<Record<string, ClientPlan>>, KeyTable>()

/** Takes an API key from the one `X-Api-Key` header, and knows its client by the key's digest. */
export function checkApiKey(
  clients: readonly string[],
  tools: Pick<Tools, 'clients' | 'clock' | 'revocations'>,
): Check {
  const { clock, revocations } = tools
  const table = tables.get(tools.clients) ?? keyTable(tools.clients)
  tables.set(tools.clients, table)
  const admitted = new Set(clients)

  return (exchange) => {
    const header = singleHeader(exchange, 'x-api-key')
    if (header === null) return missing
    if (header === 'repeated') return repeated
    if (header.value === '' || header.value.length > 256) return malformed
    const key = table.find(header.value)
    if (key === undefined) return unknown
    const evidence = { client: key.client, key: key.plan.name }
    if (key.plan.expiresAt !== null && clock.now() >= key.plan.expiresAt) {
      return deny(reasons.keyExpired, evidence, { ...challenge, declaredAt: key.plan.declaredAt })
    }
    exchange.identity = key.identity
    const revoked = revocations.covers(key.identity, null)
    if (revoked !== null) return deny(reasons.revoked, { ...evidence, ...revoked }, challenge)
    if (!admitted.has(key.client)) return deny(reasons.clientNotAdmitted, evidence, challenge)
    if (!key.admits(exchange.address)) {
      return deny(reasons.clientAddress, { ...evidence, address: exchange.address }, challenge)
    }
    return allow
  }
}
