import type { ApiKeyPlan, ClientPlan } from '../plan/plan.js'
import type { Place } from '../values/place.js'
import { cidrFault } from './addresses.js'
import { type Resolving, textOf } from './resolving.js'
import type { NodeSection } from './section.js'

/** The schema of one client. */
export const clientSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['keys'],
  description: 'A caller with API keys of its own.',
  properties: {
    plan: {
      type: 'string',
      minLength: 1,
      description: 'What the client has subscribed to; limits choose their tier by it (client.plan).',
      examples: ['partner'],
    },
    keys: {
      type: 'object',
      minProperties: 1,
      description: 'API keys by name, as digests; `postern keys new` makes one and prints the key once.',
      additionalProperties: {
        type: 'object',
        additionalProperties: false,
        required: ['sha256'],
        description: 'One key.',
        properties: {
          sha256: {
            type: 'string',
            pattern: '^[0-9a-fA-F]{64}$',
            description: 'The SHA-256 of the whole key: 64 hexadecimal digits',
            examples: ['9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08'],
          },
          notAfter: {
            type: 'string',
            pattern: '^[0-9]{4}-[0-9]{2}-[0-9]{2}$',
            description: 'The last day (UTC, included) on which the key is taken',
            examples: ['2027-01-31'],
          },
        },
      },
    },
    ipAllow: {
      type: 'array',
      items: { type: 'string', description: 'An address or a CIDR block.', examples: ['203.0.113.0/24'] },
      minItems: 1,
      description: 'Addresses that the client may call from; any, when absent.',
      examples: [['203.0.113.0/24']],
    },
  },
}

const dayMs = 86_400_000

/** One client; `digests` remembers every key's digest with its place, so that one key has one owner. */
export function resolveClient(
  name: string,
  section: NodeSection,
  digests: Map<string, { readonly client: string; readonly place: Place }>,
  now: number,
  { report }: Resolving,
): ClientPlan {
  const keys: ApiKeyPlan[] = []
  const keysAt = section.get('keys')
  for (const keyName of keysAt.node?.kind === 'map' ? keysAt.node.entries.keys() : []) {
    const key = keysAt.get(keyName)
    const sha256 = textOf(key.get('sha256'))?.toLowerCase()
    if (sha256 === undefined) continue
    const place = key.get('sha256').place
    const earlier = digests.get(sha256)
    if (earlier !== undefined) {
      report({
        code: 'client.key-duplicate',
        message: `This key is already a key of "${earlier.client}", so it would not tell who calls.`,
        hint: 'Make another one: postern keys new.',
        at: place,
        related: [{ message: 'first declared here', place: earlier.place }],
      })
      continue
    }
    digests.set(sha256, { client: name, place })
    keys.push({
      name: keyName,
      sha256,
      expiresAt: expiry(key.get('notAfter'), keyName, now, report),
      declaredAt: key.keyPlace,
    })
  }
  const ipAllow: string[] = []
  const allowAt = section.get('ipAllow')
  for (const [i, block] of (Array.isArray(allowAt.value) ? allowAt.value : []).entries()) {
    const fault = cidrFault(String(block))
    if (fault === undefined) ipAllow.push(String(block))
    else
      report({
        code: 'client.address-unreadable',
        message: fault,
        hint: 'Write 203.0.113.7 or 203.0.113.0/24.',
        at: allowAt.get(i).place,
      })
  }
  return { name, plan: textOf(section.get('plan')) ?? null, keys, ipAllow, declaredAt: section.keyPlace }
}

/** The first ms after the named day; a key is taken on the whole of its last day. */
function expiry(section: NodeSection, key: string, now: number, report: Resolving['report']): number | null {
  const text = textOf(section)
  if (text === undefined) return null
  const day = Date.parse(`${text}T00:00:00Z`)
  if (Number.isNaN(day) || new Date(day).toISOString().slice(0, 10) !== text) {
    report({
      code: 'client.date-unreadable',
      message: `"${text}" is no day of the calendar.`,
      hint: 'Write year-month-day: 2027-01-31.',
      at: section.place,
    })
    return 0
  }
  if (day + dayMs <= now) {
    report({
      code: 'client.key-expired',
      severity: 'warning',
      message: `The key "${key}" has expired and is refused.`,
      hint: 'Delete it, or give the client a new one: postern keys new.',
      at: section.place,
    })
  }
  return day + dayMs
}
