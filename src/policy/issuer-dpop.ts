import type { DpopPlan } from '../plan/plan.js'
import { durationPattern, parseDuration } from '../values/duration.js'
import { type Resolving, textOf, textsOf } from './resolving.js'
import type { NodeSection } from './section.js'

/** Asymmetric, as RFC 9449 section 4.2 asks for, and each of them an algorithm for tokens too. */
const proofAlgorithms = ['ES256', 'ES384', 'ES512', 'EdDSA', 'PS256', 'PS384', 'PS512', 'RS256', 'RS384', 'RS512']
const usualAlgorithms = ['ES256', 'ES384', 'EdDSA', 'PS256', 'RS256']
const modes = ['required', 'optional'] as const

const duration = (description: string, example: string) => ({
  type: 'string',
  pattern: durationPattern,
  description,
  examples: [example],
})

/** `dpop` of an issuer. */
export const dpopSchema = {
  description:
    'Callers prove with each request that the token is theirs (RFC 9449): `required` takes such tokens alone, `optional` also those that are bound to nobody. Absent: bound tokens are refused.',
  examples: ['required'],
  anyOf: [
    { enum: modes, description: 'The short form.' },
    {
      type: 'object',
      additionalProperties: false,
      required: ['mode'],
      description: 'The long form.',
      properties: {
        mode: {
          enum: modes,
          description: 'Whether every token must be bound to a key of its caller.',
          examples: modes,
        },
        publicUrls: {
          type: 'array',
          minItems: 1,
          uniqueItems: true,
          items: { type: 'string', minLength: 8, description: 'Scheme, host and base path.' },
          description:
            'The URLs by which callers know this gateway; proofs must name one of them. Absent: whatever host the caller asked for, so a proof made for another host can be sent here under its name.',
          examples: [['https://api.example.com']],
        },
        algorithms: {
          type: 'array',
          minItems: 1,
          uniqueItems: true,
          items: { enum: proofAlgorithms, description: 'A JWS algorithm with a public key.' },
          description: 'Signature algorithms of proofs; ES256, ES384, EdDSA, PS256 and RS256 when absent.',
          examples: [['ES256', 'EdDSA']],
        },
        maxAge: duration('How long after its `iat` a proof may be used; 60s when absent.', '60s'),
        nonce: duration(
          'Proofs hold a nonce of ours, which is changed this often; none is asked for when absent.',
          '5m',
        ),
        nonceSecret: {
          type: 'string',
          minLength: 1,
          description: 'Lets several processes take the nonces of each other; random for each process when absent.',
          examples: ['${secret:dpop_nonce}'],
        },
      },
    },
  ],
}

/** The plan of `dpop`; undefined where the issuer has none, or where its problems leave nothing. */
export function resolveDpop(section: NodeSection, resolving: Resolving): DpopPlan | undefined {
  if (section.value === undefined) return undefined
  const mode = textOf(section) ?? textOf(section.get('mode'))
  const urls = section.get('publicUrls')
  if (urls.value === undefined) {
    resolving.report({
      code: 'issuer.dpop-any-host',
      severity: 'warning',
      message: 'A proof made for another host is taken here if the caller asks for that host.',
      hint: 'Say how callers know this gateway: dpop: { mode: required, publicUrls: [https://api.example.com] }.',
      at: section.keyPlace,
    })
  }
  const publicUrls = textsOf(urls).map((text, i) => publicUrl(text, urls.get(i), resolving))
  const algorithms = textsOf(section.get('algorithms'))
  const maxAgeMs = bounded(section.get('maxAge'), '60s', 600_000, resolving)
  const nonce = resolveNonce(section, resolving)
  return {
    required: mode !== 'optional',
    algorithms: algorithms.length > 0 ? algorithms : usualAlgorithms,
    maxAgeMs,
    publicUrls: publicUrls.filter((url) => url !== undefined),
    nonce,
  }
}

function publicUrl(text: string, at: NodeSection, { report }: Resolving): string | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined
  const isPlain = url !== undefined && /^https?:$/.test(url.protocol) && url.search === '' && url.hash === ''
  if (isPlain && url.username === '' && url.password === '') return `${url.origin}${url.pathname.replace(/\/+$/, '')}`
  report({
    code: 'issuer.dpop-url',
    message: `"${text}" is no URL that callers could know this gateway by.`,
    hint: 'Write scheme, host and base path: https://api.example.com.',
    at: at.place,
  })
  return undefined
}

function resolveNonce(section: NodeSection, resolving: Resolving): DpopPlan['nonce'] {
  const at = section.get('nonceSecret')
  if (section.get('nonce').value === undefined) {
    if (at.value !== undefined) {
      resolving.report({
        code: 'issuer.dpop-nonce',
        message: 'nonceSecret stands beside no nonce.',
        hint: 'Say how often nonces change, nonce: 5m, or leave the secret out.',
        at: at.keyPlace,
      })
    }
    return null
  }
  const lifeMs = bounded(section.get('nonce'), '5m', 86_400_000, resolving)
  if (at.value === undefined) return { lifeMs, secret: null }
  const secret = resolving.secretText(at)
  if (secret?.every((part) => typeof part === 'string')) {
    resolving.report({
      code: 'issuer.secret-plain',
      message: 'The secret stands in the policy itself.',
      hint: 'Declare it under secrets: in gateway.yaml and write "${secret:name}".',
      at: at.place,
    })
  }
  return { lifeMs, secret: secret ?? null }
}

function bounded(section: NodeSection, fallback: string, mostMs: number, { report }: Resolving): number {
  const ms = parseDuration(textOf(section) ?? fallback) ?? 0
  if (ms >= 1_000 && ms <= mostMs) return ms
  report({
    code: 'issuer.dpop-duration',
    message: `${textOf(section) ?? fallback} is ${ms < 1_000 ? 'too short to be used' : 'so long that it protects nobody'}.`,
    hint: `From 1s to ${mostMs / 60_000}m; ${fallback} is usual.`,
    at: section.place,
  })
  return Math.min(Math.max(ms, 1_000), mostMs)
}
