import type { IssuerKeys, IssuerPlan } from '../plan/plan.js'
import { parseByteSize } from '../values/byte-size.js'
import { parseDuration } from '../values/duration.js'
import { revealText } from '../values/secret.js'
import { isLoopback } from './addresses.js'
import { resolveDpop } from './issuer-dpop.js'
import { reportPlainSecret, resolveKeys } from './issuer-keys.js'
import { publicAlgorithms, secretBytes } from './issuer-schema.js'
import { type Resolving, textOf, textsOf } from './resolving.js'
import type { NodeSection } from './section.js'

/** One issuer, or undefined where its problems leave nothing to go on with. */
export function resolveIssuer(name: string, section: NodeSection, resolving: Resolving): IssuerPlan | undefined {
  const override = resolving.overrides.issuers?.[name]
  const issuer = override?.issuer ?? textOf(section.get('issuer'))
  const keys: IssuerKeys | undefined =
    override === undefined ? resolveKeys(section, resolving) : { kind: 'jwksUri', url: override.jwksUri }
  if (issuer === undefined || keys === undefined) return undefined
  if (override === undefined && !issuerIsSafe(issuer, keys, section, resolving)) return undefined
  const introspection = resolveIntrospection(section.get('introspection'), section, resolving)
  const algorithms = resolveAlgorithms(section, keys, resolving)
  if (algorithms === undefined) return undefined
  const ms = (key: string, fallback: number) => parseDuration(textOf(section.get(...key.split('.'))) ?? '') ?? fallback
  const claim = textOf(section.get('audience', 'claim'))
  const maxAge = textOf(section.get('maxTokenAge'))
  const dpop = resolveDpop(section.get('dpop'), resolving)
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
    roles: rolesClaims(section.get('roles'), resolving),
    keys,
    ...(dpop !== undefined && { dpop }),
    introspection,
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

function resolveIntrospection(at: NodeSection, issuer: NodeSection, resolving: Resolving): IssuerPlan['introspection'] {
  if (at.value === undefined) return null
  const { report } = resolving
  const endpoint = textOf(at.get('endpoint')) ?? null
  if (endpoint !== null) urlIsSafe(endpoint, at.get('endpoint'), issuer, resolving)
  else if (!/^https?:/i.test(textOf(issuer.get('issuer')) ?? '')) {
    report({
      code: 'issuer.introspection-unknown',
      message: 'Nobody knows where to ask about tokens: the issuer is no URL to discover it from.',
      hint: 'Add introspection.endpoint.',
      at: at.keyPlace,
    })
  }
  const clientSecret = resolving.secretText(at.get('clientSecret'))
  if (clientSecret?.every((part) => typeof part === 'string')) reportPlainSecret(at.get('clientSecret'), resolving)
  const cacheMs = parseDuration(textOf(at.get('cache')) ?? '30s') ?? 30_000
  if (cacheMs > 60_000) {
    report({
      code: 'issuer.introspection-cache',
      message: 'An answer about a token is remembered for a minute at most: so long may a revoked one go on.',
      hint: 'Write 60s or less.',
      at: at.get('cache').place,
    })
  }
  return {
    endpoint,
    clientId: textOf(at.get('clientId')) ?? '',
    clientSecret: clientSecret ?? [],
    authMethod: at.get('authMethod').value === 'post' ? 'post' : 'basic',
    cacheMs,
  }
}

function rolesClaims(section: NodeSection, { report }: Resolving): string[] {
  const given = textsOf(section)
  const cut = given.find((claim) => claim.includes('/') && !claim.startsWith('/'))
  if (cut !== undefined) {
    report({
      code: 'issuer.claim-name-ambiguous',
      message: `The claim ${cut} has a name with slashes, which dots would cut into pieces.`,
      hint: `Write it as a JSON pointer: "/${cut.replaceAll('~', '~0').replaceAll('/', '~1')}".`,
      at: section.place,
    })
  }
  return given.length === 0 ? ['roles'] : given
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
