import type { UpstreamTls } from '../plan/plan.js'
import { readCertificates } from '../values/certificate.js'
import { type Resolving, textOf, textsOf } from './resolving.js'
import type { NodeSection } from './section.js'

const pin = {
  type: 'string',
  pattern: '^[A-Za-z0-9+/]{43}=$',
  description: 'Base64 of the SHA-256 of a public key in DER (SubjectPublicKeyInfo, as in RFC 7469).',
  examples: ['d6qzRu9zOECb90Uez27xWltNsj0e1Md7GkYYkVoZWmM='],
}

/** The schema of `upstreams.*.tls`. */
export const upstreamTlsSchema = {
  type: 'object',
  additionalProperties: false,
  minProperties: 1,
  description: 'Whom to believe that it is the function. Without it, the authorities that Node believes.',
  properties: {
    ca: {
      type: 'string',
      minLength: 1,
      description: 'A file of authorities in PEM, in the policy folder: they alone are believed.',
      examples: ['./partner-ca.pem'],
    },
    pin: {
      description: "The function's own key, besides a certificate that holds: one, or the present and the next.",
      examples: [['d6qzRu9zOECb90Uez27xWltNsj0e1Md7GkYYkVoZWmM=']],
      anyOf: [
        { ...pin, description: 'One key.' },
        { type: 'array', minItems: 1, maxItems: 8, items: pin, description: 'Any of these keys.' },
      ],
    },
  },
}

/** What an upstream's certificate is held against; null where nothing but the usual was asked for. */
export function resolveUpstreamTls(
  section: NodeSection,
  origin: string,
  { report, readText }: Resolving,
): UpstreamTls | null {
  if (section.value === undefined) return null
  if (!origin.startsWith('https:')) {
    report({
      code: 'upstream.tls-without-https',
      message: 'There is nothing to hold against a certificate: this upstream is called over plain http.',
      hint: 'Write https:// in its url, or remove tls.',
      at: section.keyPlace,
    })
    return null
  }
  const caAt = section.get('ca')
  const ca = textOf(caAt) === undefined ? null : (readText(caAt) ?? null)
  const found = ca === null ? null : readCertificates(ca)
  if (ca !== null && (found === null || found.length === 0)) {
    report({
      code: 'upstream.ca-unusable',
      message: 'This file holds no certificate that can be read.',
      hint: "Give the authority's certificate in PEM; for a self-signed function, its own.",
      at: caAt.place,
    })
  }
  return { ca, pins: textsOf(section.get('pin')) }
}
