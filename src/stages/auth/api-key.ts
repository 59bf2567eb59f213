import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { BlockList, isIP } from 'node:net'
import type { ApiKeyPlan, ClientPlan } from '../../plan/plan.js'
import type { Identity } from '../contract.js'

/** Marks our keys wherever they turn up: in a log, in a repository, in a secret scanner. */
const prefix = 'pst_'
/** What a key in a header may look like: visible ASCII without blanks. Longer ones are nobody's key. */
const mostKeyCharacters = 256

/** The digest a policy holds instead of the key: lower-case hex SHA-256 of the whole key, prefix included. */
export function hashApiKey(key: string): string {
  return createHash('sha256').update(key, 'utf8').digest('hex')
}

/**
 * A new key and its digest: `pst_` and 32 random bytes in base64url. With 256 bits of chance a plain SHA-256 is enough:
 * there is nothing to guess that salt or stretching would protect.
 */
export function newApiKey(): { readonly key: string; readonly sha256: string } {
  const key = `${prefix}${randomBytes(32).toString('base64url')}`
  return { key, sha256: hashApiKey(key) }
}

/** A key of the policy, ready for the requests that bring it. */
interface KnownKey {
  readonly digest: Buffer
  readonly plan: ApiKeyPlan
  readonly client: string
  /** Whether the client may call from this address. */
  readonly admits: (address: string) => boolean
  readonly identity: Identity
}

/** Every client's keys by digest. */
export interface KeyTable {
  find(key: string): KnownKey | undefined
}

/** Builds the table. Of two clients with the same key, which `check` refuses, neither is known. */
export function keyTable(clients: Readonly<Record<string, ClientPlan>>): KeyTable {
  const known = new Map<string, KnownKey>()
  const shared = new Set<string>()
  for (const client of Object.values(clients)) {
    const admits = addressRule(client.ipAllow)
    const identity: Identity = Object.freeze({
      method: 'apiKey',
      subject: client.name,
      clientId: client.name,
      plan: client.plan,
      scopes: new Set<string>(),
      claims: {},
    })
    for (const plan of client.keys) {
      if (known.has(plan.sha256)) shared.add(plan.sha256)
      known.set(plan.sha256, { digest: Buffer.from(plan.sha256, 'hex'), plan, client: client.name, admits, identity })
    }
  }
  for (const digest of shared) known.delete(digest)
  return {
    find(key) {
      if (key.length > mostKeyCharacters) return undefined
      const digest = createHash('sha256').update(key, 'utf8').digest()
      const found = known.get(digest.toString('hex'))
      // The look-up reveals at most how digests are spread, never a key; the last word is in constant time all the same.
      return found !== undefined && timingSafeEqual(found.digest, digest) ? found : undefined
    },
  }
}

function addressRule(blocks: readonly string[]): (address: string) => boolean {
  if (blocks.length === 0) return () => true
  const list = new BlockList()
  for (const block of blocks) {
    const [address = '', bits] = block.split('/')
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4'
    list.addSubnet(address, bits === undefined ? (family === 'ipv6' ? 128 : 32) : Number(bits), family)
  }
  return (address) => {
    const version = isIP(address)
    return version !== 0 && list.check(address, version === 6 ? 'ipv6' : 'ipv4')
  }
}
