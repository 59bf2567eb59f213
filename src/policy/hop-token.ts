import { createPrivateKey } from 'node:crypto'
import type { HopPlan } from '../plan/plan.js'
import { durationPattern, parseDuration } from '../values/duration.js'
import { revealText, type SecretText } from '../values/secret.js'
import { type Resolving, textOf } from './resolving.js'
import type { NodeSection } from './section.js'

/** `hopToken` of gateway.yaml. */
export const hopTokenSchema = {
  type: 'object',
  additionalProperties: false,
  description:
    'The tokens by which functions know this gateway, on routes with `forward.hopToken`; their keys are at /jwks of the admin listener.',
  examples: [{ issuer: 'https://gateway.example.com' }],
  properties: {
    issuer: {
      type: 'string',
      minLength: 1,
      description: 'Their `iss`; `postern` when absent.',
      examples: ['https://gateway.example.com'],
    },
    life: {
      type: 'string',
      pattern: durationPattern,
      description: 'How long one is good; 60s when absent.',
      examples: ['60s'],
    },
    rotate: {
      type: 'string',
      pattern: durationPattern,
      description: 'How long a key of our own signs; 24h when absent.',
      examples: ['24h'],
    },
    keys: {
      type: 'array',
      minItems: 1,
      items: {
        type: 'string',
        minLength: 1,
        description: 'A private key: PEM, EC, P-256.',
        examples: ['${secret:hop_key}'],
      },
      description:
        'Keys that all replicas share, in the place of one of its own for each process: the first signs, all are published.',
      examples: [['${secret:hop_new}', '${secret:hop_old}']],
    },
  },
}

/** The settings of hop tokens, which hold wherever a route asks for one. */
export function resolveHopToken(section: NodeSection, resolving: Resolving): HopPlan {
  const { report } = resolving
  const ms = (key: string, fallback: number, least: number, most: number, range: string) => {
    const read = parseDuration(textOf(section.get(key)) ?? '') ?? fallback
    if (read >= least && read <= most) return read
    report({
      code: 'gateway.hop-duration',
      message: `hopToken.${key} is too short or too long.`,
      hint: `Write a time between ${range}.`,
      at: section.get(key).place,
    })
    return fallback
  }
  const keysAt = section.get('keys')
  const keys: SecretText[] = []
  for (const i of (Array.isArray(keysAt.value) ? keysAt.value : []).keys()) {
    const text = resolving.secretText(keysAt.get(i))
    if (text === undefined) continue
    keys.push(text)
    if (!isWhole(text, resolving) || isSigningKey(revealText(text, resolving.vault))) continue
    report({
      code: 'gateway.hop-key',
      message: 'This is no private key for hop tokens.',
      hint: 'Make one, and keep it as a secret: openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256.',
      at: keysAt.get(i).place,
    })
  }
  return {
    issuer: textOf(section.get('issuer')) ?? 'postern',
    lifeMs: ms('life', 60_000, 1_000, 3_600_000, '1s and 1h'),
    rotateMs: ms('rotate', 86_400_000, 60_000, 366 * 86_400_000, '1m and 366d'),
    keys,
  }
}

/** Whether its secrets have been read: what is missing has been told, and a stand-in is no key. */
function isWhole(text: SecretText, { vault, hasStandIns }: Resolving): boolean {
  return !hasStandIns && text.every((part) => typeof part === 'string' || vault.has(part.secret))
}

function isSigningKey(pem: string): boolean {
  try {
    return createPrivateKey(pem).asymmetricKeyDetails?.namedCurve === 'prime256v1'
  } catch {
    return false
  }
}
