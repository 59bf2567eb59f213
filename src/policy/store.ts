import type { RedisPlan, StorePlan } from '../plan/plan.js'
import { parseDuration } from '../values/duration.js'
import { revealText, type SecretText } from '../values/secret.js'
import { parseStoreUrl } from '../values/store-url.js'
import { type Resolving, textOf } from './resolving.js'
import type { NodeSection } from './section.js'

const defaultTimeoutMs = 50

/** Where limits are counted, from `store` of gateway.yaml. */
export function resolveStore(section: NodeSection, resolving: Resolving): StorePlan {
  const onStoreError = section.get('onStoreError').value
  const redis = section.get('redis')
  return {
    redis: redis.value === undefined ? null : resolveRedis(redis, resolving),
    onStoreError: onStoreError === 'allow' || onStoreError === 'deny' ? onStoreError : 'local',
  }
}

function resolveRedis(section: NodeSection, resolving: Resolving): RedisPlan {
  const url = section.get('url')
  const isCluster = section.get('cluster').value === true
  const written = Array.isArray(url.value) ? url.value.map((_, i) => url.get(i)) : [url]
  if (written.length > 1 && !isCluster) {
    resolving.report({
      code: 'gateway.store-urls',
      message: 'Several addresses are nodes of a cluster, and this store is none.',
      hint: 'Write cluster: true beside url, or name one address.',
      at: url.place,
    })
  }
  const ca = section.get('ca')
  const pem = ca.value === undefined ? null : resolving.readText(ca)
  if (typeof pem === 'string' && !pem.includes('-----BEGIN CERTIFICATE-----')) {
    resolving.report({
      code: 'gateway.store-ca',
      message: `${String(ca.value)} holds no certificate in PEM.`,
      hint: 'It begins with -----BEGIN CERTIFICATE-----.',
      at: ca.place,
    })
  }
  return {
    urls: written.map((each) => readUrl(each, isCluster, resolving)).filter((text) => text !== undefined),
    isCluster,
    ca: pem ?? null,
    prefix: textOf(section.get('prefix')) ?? 'postern',
    commandTimeoutMs: parseDuration(textOf(section.get('commandTimeout')) ?? '') ?? defaultTimeoutMs,
  }
}

/** Judges the address with its secret in place, where this machine has it; no message shows any of it. */
function readUrl(section: NodeSection, isCluster: boolean, resolving: Resolving): SecretText | undefined {
  const text = resolving.secretText(section)
  if (text === undefined) return undefined
  const hasSecret = text.some((part) => typeof part !== 'string')
  const known = text.every((part) => typeof part === 'string' || resolving.vault.has(part.secret))
  if (!known || (hasSecret && resolving.hasStandIns)) return text
  const node = parseStoreUrl(revealText(text, resolving.vault))
  const refuse = (code: string, message: string, hint: string) => {
    resolving.report({ code, message, hint, at: section.place })
    return undefined
  }
  if (node === null) {
    return refuse(
      'gateway.store-url',
      hasSecret ? 'The secret of this address does not make one of a store.' : 'This is no address of a store.',
      'It reads redis://host:6379, rediss:// with TLS, and user:password@ before the host.',
    )
  }
  if (node.password !== null && !hasSecret) {
    return refuse(
      'gateway.store-password',
      'A password stands in the policy, for everyone who reads it.',
      'Put the address, or its password, into a secret: url: "${secret:redis_url}".',
    )
  }
  if (isCluster && node.database !== 0) {
    return refuse('gateway.store-database', 'A cluster has one database, 0.', 'Remove the number from the address.')
  }
  return text
}
