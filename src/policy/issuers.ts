import { createPublicKey } from 'node:crypto'
import type { IssuerKeys, IssuerPlan } from '../plan/plan.js'
import { byteSizePattern, parseByteSize } from '../values/byte-size.js'
import { durationPattern, parseDuration } from '../values/duration.js'
import { revealText } from '../values/secret.js'
import { isLoopback } from './addresses.js'
import { type Resolving, textOf, textsOf } from './resolving.js'
import type { NodeSection } from './section.js'

const publicAlgorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA']
/** Secret algorithms with the least key length that RFC 7518 section 3.2 allows, in bytes. */
const secretBytes: Readonly<Record<string, number>> = { HS256: 32, HS384: 48, HS512: 64 }
const keyKinds = ['jwksUri', 'jwks', 'publicKey', 'secret'] as const

const duration = (description: string, example: string) => ({
  type: 'string',
  pattern: durationPattern,
  description,
  examples: [example],
})
const texts = (description: string, example: string) => ({
  description,
  examples: [example],
  anyOf: [
    { type: 'string', minLength: 1, description: 'One value.' },
    {
      type: 'array',
      items: { type: 'string', minLength: 1 },
      minItems: 1,
      uniqueItems: true,
      description: 'Any of these values.',
    },
  ],
})

/** The schema of one issuer. */
export const issuerSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['issuer', 'audience'],
  description: 'Who signs tokens, and what a token of theirs must say.',
  properties: {
    issuer: {
      type: 'string',
      minLength: 1,
      description:
        'Compared with the `iss` claim exactly; discovery (OpenID Connect, RFC 8414) starts here unless keys are given.',
      examples: ['https://id.example.com/'],
    },
    audience: {
      description: 'What `aud` must hold; for issuers without `aud`, another claim and its values.',
      examples: ['orders-api'],
      anyOf: [
        { type: 'string', minLength: 1, description: 'The one audience.' },
        { type: 'array', items: { type: 'string', minLength: 1 }, minItems: 1, description: 'Any of these audiences.' },
        {
          type: 'object',
          additionalProperties: false,
          required: ['claim', 'oneOf'],
          description: 'Another claim that says whom the token is for.',
          properties: {
            claim: { type: 'string', minLength: 1, description: 'The claim.', examples: ['client_id'] },
            oneOf: texts('The values that are accepted.', 'shop-web'),
          },
        },
      ],
    },
    algorithms: {
      type: 'array',
      minItems: 1,
      uniqueItems: true,
      items: {
        enum: [...publicAlgorithms, ...Object.keys(secretBytes)],
        description: 'A JWS algorithm (RFC 7518, RFC 8037).',
      },
      description: 'Signature algorithms that are accepted; `none` never is.',
      examples: [['RS256', 'ES256']],
    },
    tokenTypes: {
      type: 'array',
      minItems: 1,
      uniqueItems: true,
      items: { type: 'string', minLength: 1, description: 'A `typ` value, or `absent`.' },
      description: 'Accepted `typ` headers; [at+jwt] alone is strict RFC 9068, `absent` allows tokens without one.',
      examples: [['at+jwt', 'JWT']],
    },
    clockSkew: duration('How far the clocks may differ.', '30s'),
    maxTokenAge: duration('The longest lifetime (`exp` minus `iat`) that is accepted; no bound when absent.', '24h'),
    keySet: {
      type: 'object',
      additionalProperties: false,
      description: 'How the key set is fetched and kept.',
      properties: {
        cooldown: duration('The least time between two fetches because of an unknown key.', '30s'),
        maxAge: duration('When a key set is fetched anew.', '10m'),
        timeout: duration('How long a fetch may take.', '1500ms'),
        staleIfError: duration('How long keys stay in use while the issuer cannot be reached.', '1h'),
        maxBytes: { type: 'string', pattern: byteSizePattern, description: 'The largest key set.', examples: ['1MiB'] },
      },
    },
    jwksUri: {
      type: 'string',
      minLength: 1,
      description: 'Where the key set is, instead of discovery.',
      examples: ['https://id.example.com/jwks'],
    },
    jwks: {
      type: 'string',
      minLength: 1,
      description: 'A file with the key set, instead of discovery.',
      examples: ['./keys.json'],
    },
    publicKey: {
      type: 'string',
      minLength: 1,
      description: 'A PEM file with the one public key, instead of discovery.',
      examples: ['./key.pem'],
    },
    secret: {
      type: 'string',
      minLength: 1,
      description: 'The shared secret of HS256, HS384 or HS512.',
      examples: ['${secret:hmac}'],
    },
    insecure: {
      type: 'string',
      minLength: 3,
      description: 'Why plain http is acceptable for this issuer.',
      examples: ['inside the cluster mesh, which encrypts'],
    },
  },
}

/** One issuer, or undefined where its problems leave nothing to go on with. */
export function resolveIssuer(name: string, section: NodeSection, resolving: Resolving): IssuerPlan | undefined {
  const override = resolving.overrides.issuers?.[name]
  const issuer = override?.issuer ?? textOf(section.get('issuer'))
  const keys: IssuerKeys | undefined =
    override === undefined ? resolveKeys(section, resolving) : { kind: 'jwksUri', url: override.jwksUri }
  if (issuer === undefined || keys === undefined) return undefined
  if (override === undefined && !issuerIsSafe(issuer, keys, section, resolving)) return undefined
  const algorithms = resolveAlgorithms(section, keys, resolving)
  if (algorithms === undefined) return undefined
  const ms = (key: string, fallback: number) => parseDuration(textOf(section.get(...key.split('.'))) ?? '') ?? fallback
  const claim = textOf(section.get('audience', 'claim'))
  const maxAge = textOf(section.get('maxTokenAge'))
  return {
    name,
    issuer,
    audience:
      claim === undefined
        ? { claim: 'aud', oneOf: textsOf(section.get('audience')) }
        : { claim, oneOf: textsOf(section.get('audience', 'oneOf')) },
    algorithms,
    tokenTypes: tokenTypes(section),
    clockSkewMs: clockSkew(section.get('clockSkew'), resolving),
    maxTokenAgeMs: maxAge === undefined ? null : parseDuration(maxAge),
    keys,
    keySet: {
      cooldownMs: ms('keySet.cooldown', 30_000),
      maxAgeMs: ms('keySet.maxAge', 600_000),
      timeoutMs: ms('keySet.timeout', 1_500),
      staleIfErrorMs: ms('keySet.staleIfError', 3_600_000),
      maxBytes: parseByteSize(textOf(section.get('keySet', 'maxBytes')) ?? '') ?? 1_048_576,
    },
    declaredAt: section.keyPlace,
  }
}

/** RFC 7515 section 4.1.9: `application/` may be left out of `typ`, and case does not matter. */
function tokenTypes(section: NodeSection): string[] {
  const given = textsOf(section.get('tokenTypes'))
  const types = given.length === 0 ? ['at+jwt', 'JWT'] : given
  return types.map((type) => type.toLowerCase().replace(/^application\//, ''))
}

function clockSkew(section: NodeSection, { report }: Resolving): number {
  const skew = parseDuration(textOf(section) ?? '30s') ?? 30_000
  if (skew > 600_000) {
    report({
      code: 'issuer.clock-skew',
      message: 'A clock skew of more than 10m keeps expired tokens alive.',
      hint: 'Set the clocks right; 30s is the default.',
      at: section.place,
    })
  }
  return skew
}

function resolveAlgorithms(section: NodeSection, keys: IssuerKeys, { report, vault }: Resolving): string[] | undefined {
  const at = section.get('algorithms')
  const given = textsOf(at)
  const isSecret = keys.kind === 'secret'
  const algorithms = given.length > 0 ? given : isSecret ? ['HS256'] : ['RS256', 'ES256']
  const wrong = algorithms.find((algorithm) => algorithm in secretBytes !== isSecret)
  if (wrong !== undefined) {
    report({
      code: 'issuer.algorithm-mismatch',
      message: isSecret
        ? `${wrong} needs a public key, and this issuer has a secret.`
        : `${wrong} needs a secret; beside public keys it would let anyone who knows a public key sign.`,
      hint: isSecret
        ? 'Use HS256, HS384 or HS512.'
        : `Use ${publicAlgorithms.slice(0, 3).join(', ')}, ES256 and the like.`,
      at: at.place,
    })
    return undefined
  }
  if (isSecret) {
    // The value was read a moment ago; only its length leaves this function.
    const length = keys.secret.every((part) => typeof part === 'string' || vault.has(part.secret))
      ? Buffer.byteLength(revealText(keys.secret, vault))
      : Number.POSITIVE_INFINITY
    const least = Math.max(...algorithms.map((algorithm) => secretBytes[algorithm] ?? 0))
    if (length < least) {
      report({
        code: 'issuer.secret-short',
        message: `The secret of this issuer is shorter than ${least} bytes, so it can be guessed from one token.`,
        hint: 'Make one of the right length: openssl rand -base64 48.',
        at: section.get('secret').place,
      })
    }
  }
  return algorithms
}

function issuerIsSafe(issuer: string, keys: IssuerKeys, section: NodeSection, resolving: Resolving): boolean {
  const at = section.get('issuer')
  if (/^https?:/i.test(issuer) || keys.kind === 'discovery') {
    if (!urlIsSafe(issuer, at, section, resolving)) return false
  }
  return keys.kind !== 'jwksUri' || urlIsSafe(keys.url, section.get('jwksUri'), section, resolving)
}

function urlIsSafe(text: string, at: NodeSection, section: NodeSection, { report }: Resolving): boolean {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (
    url === undefined ||
    !/^https?:$/.test(url.protocol) ||
    url.username !== '' ||
    url.password !== '' ||
    url.hash !== ''
  ) {
    report({
      code: 'issuer.url-malformed',
      message: `"${text}" is no https URL to fetch keys from.`,
      hint: 'Write https://host/path, or give the keys: jwks, publicKey or secret.',
      at: at.place,
    })
    return false
  }
  const isPlain = url.protocol === 'http:' && !isLoopback(url.hostname)
  if (!isPlain || textOf(section.get('insecure')) !== undefined) return true
  report({
    code: 'issuer.url-insecure',
    message: `${url.origin} is plain http: whoever stands between could replace the keys and sign in as anyone.`,
    hint: 'Use https, or add `insecure: <why this is acceptable>` to the issuer.',
    at: at.place,
  })
  return false
}

function resolveKeys(section: NodeSection, resolving: Resolving): IssuerKeys | undefined {
  const given = keyKinds.filter((kind) => section.get(kind).value !== undefined)
  const [kind, second] = given
  if (second !== undefined) {
    resolving.report({
      code: 'issuer.keys-ambiguous',
      message: `An issuer has one source of keys; this one has ${given.join(' and ')}.`,
      hint: 'Keep one of them.',
      at: section.get(second).keyPlace,
    })
    return undefined
  }
  switch (kind) {
    case undefined:
      return { kind: 'discovery' }
    case 'jwksUri':
      return { kind, url: textOf(section.get(kind)) ?? '' }
    case 'secret': {
      const secret = resolving.secretText(section.get(kind))
      if (secret?.every((part) => typeof part === 'string')) {
        resolving.report({
          code: 'issuer.secret-plain',
          message: 'The secret stands in the policy itself.',
          hint: 'Declare it under secrets: in gateway.yaml and write "${secret:name}".',
          at: section.get(kind).place,
        })
        return undefined
      }
      return secret === undefined ? undefined : { kind, secret }
    }
    case 'jwks': {
      const json = resolving.readText(section.get(kind))
      return json !== undefined && keySetIsSound(json, section.get(kind), resolving) ? { kind, json } : undefined
    }
    case 'publicKey': {
      const pem = resolving.readText(section.get(kind))
      return pem !== undefined && publicKeyIsSound(pem, section.get(kind), resolving) ? { kind, pem } : undefined
    }
  }
}

function keySetIsSound(json: string, at: NodeSection, { report }: Resolving): boolean {
  const refuse = (code: string, message: string, hint: string) => {
    report({ code, message, hint, at: at.place })
    return false
  }
  let set: unknown
  try {
    set = JSON.parse(json)
  } catch {
    return refuse(
      'issuer.keys-unreadable',
      'The key set is no JSON.',
      'A key set is {"keys": […]} (RFC 7517 section 5).',
    )
  }
  const keys: unknown = set !== null && typeof set === 'object' && 'keys' in set ? set.keys : undefined
  if (!Array.isArray(keys) || keys.length === 0) {
    return refuse(
      'issuer.keys-unreadable',
      'The key set holds no keys.',
      'A key set is {"keys": […]} (RFC 7517 section 5).',
    )
  }
  for (const key of keys) {
    if (key === null || typeof key !== 'object')
      return refuse('issuer.keys-unreadable', 'A key of the set is no object.', 'See RFC 7517 section 4.')
    // RFC 7518 section 6: `d` is the private part of RSA and EC keys, `k` the secret of a symmetric one.
    if ('d' in key || 'k' in key) {
      return refuse(
        'issuer.keys-private',
        'The key set holds a private or secret key.',
        'Keep the public part only, and replace the key: it has been in a file.',
      )
    }
    try {
      createPublicKey({ key, format: 'jwk' })
    } catch {
      return refuse(
        'issuer.keys-unreadable',
        `The key "${'kid' in key ? String(key.kid).slice(0, 60) : '(without kid)'}" of the set cannot be read.`,
        'See RFC 7518 section 6 for what a key must hold.',
      )
    }
  }
  return true
}

function publicKeyIsSound(pem: string, at: NodeSection, { report }: Resolving): boolean {
  const refuse = (code: string, message: string, hint: string) => {
    report({ code, message, hint, at: at.place })
    return false
  }
  if (pem.includes('PRIVATE KEY')) {
    return refuse(
      'issuer.keys-private',
      'The file holds a private key.',
      'Take the public one: openssl pkey -in key.pem -pubout.',
    )
  }
  try {
    const key = createPublicKey(pem)
    const bits = key.asymmetricKeyDetails?.modulusLength
    // RFC 7518 section 3.3
    if (bits !== undefined && bits < 2048)
      return refuse('issuer.keys-weak', `The RSA key has ${bits} bits.`, 'Use a key of 2048 bits or more.')
    return true
  } catch {
    return refuse(
      'issuer.keys-unreadable',
      'The file holds no public key in PEM form.',
      'It begins with -----BEGIN PUBLIC KEY-----.',
    )
  }
}
