import type { IssuerPlan, ResourcePlan } from '../plan/plan.js'
import { nearest } from '../values/nearest.js'
import { isLoopback } from './addresses.js'
import { type Resolving, textOf, textsOf } from './resolving.js'
import type { NodeSection } from './section.js'

/** `protectedResource` of gateway.yaml. */
export const protectedResourceSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['resource'],
  description:
    'What clients may learn without asking anybody: which issuers this API believes (RFC 9728). Served under /.well-known/oauth-protected-resource and named in challenges; not served, when absent.',
  examples: [{ resource: 'https://api.example.com' }],
  properties: {
    resource: {
      type: 'string',
      minLength: 1,
      description: 'The URL by which clients know this API: https, without query and fragment.',
      examples: ['https://api.example.com'],
    },
    issuers: {
      type: 'array',
      items: { type: 'string', minLength: 1, description: 'The name of an issuer.', examples: ['main'] },
      minItems: 1,
      uniqueItems: true,
      description: 'The issuers to name; all, when absent.',
      examples: [['main']],
    },
    scopes: {
      type: 'array',
      items: { type: 'string', pattern: '^[!#-\\[\\]-~]+$', description: 'One scope.', examples: ['orders:read'] },
      minItems: 1,
      uniqueItems: true,
      description: 'Scopes that a client may ask for; none are told, when absent.',
      examples: [['orders:read', 'orders:write']],
    },
    name: { type: 'string', minLength: 1, description: 'A name for people.', examples: ['Orders API'] },
    documentation: {
      type: 'string',
      pattern: '^https://',
      description: 'A page for developers.',
      examples: ['https://docs.example.com/orders'],
    },
  },
}

/** The document's facts, or null where the policy does not ask for one. */
export function resolveProtectedResource(
  section: NodeSection,
  issuers: Readonly<Record<string, IssuerPlan>>,
  { report }: Resolving,
): ResourcePlan | null {
  const resource = textOf(section.get('resource'))
  if (resource === undefined) return null
  if (!isResource(resource)) {
    report({
      code: 'gateway.resource-url',
      message: `"${resource}" is no URL of a protected resource: https, without query, fragment and user.`,
      hint: 'Write the address by which clients call this gateway: https://api.example.com.',
      at: section.get('resource').place,
    })
  }
  const named = textsOf(section.get('issuers'))
  for (const [i, name] of named.entries()) {
    if (Object.hasOwn(issuers, name)) continue
    const known = Object.keys(issuers)
    const meant = nearest(name, known)
    report({
      code: 'gateway.resource-issuer',
      message: `Issuer "${name}" is not defined.`,
      hint: meant === undefined ? `Known issuers: ${known.join(', ') || 'none'}.` : `Did you mean ${meant}?`,
      at: section.get('issuers', i).place,
    })
  }
  return {
    resource,
    issuers: named.length === 0 ? Object.keys(issuers) : named,
    scopes: textsOf(section.get('scopes')),
    name: textOf(section.get('name')) ?? null,
    documentation: textOf(section.get('documentation')) ?? null,
  }
}

/** RFC 9728 section 1.2; plain http on loopback is for trying things out. */
function isResource(text: string): boolean {
  if (!URL.canParse(text)) return false
  const { protocol, hostname, username, password, search, hash, pathname } = new URL(text)
  const isBare = username === '' && password === '' && search === '' && hash === '' && !text.includes('?')
  const isPlain = /^[A-Za-z0-9\-._~/]*$/.test(pathname)
  return isBare && isPlain && (protocol === 'https:' || (protocol === 'http:' && isLoopback(hostname)))
}
