import type { Section } from '../../contract.js'
import type { GraphqlLimits } from './judge.js'

/** What a GraphQL request may ask for unless the policy says otherwise: several times what clients of real pages send. */
export const graphqlDefaults: GraphqlLimits = {
  depth: 12,
  aliases: 30,
  fields: 500,
  directives: 50,
  batch: 10,
  introspection: false,
}

/** The limits of a route; null where nothing says that it is GraphQL. */
export function graphqlLimits(section: Section): GraphqlLimits | null {
  const raw = section.value
  if (typeof raw !== 'object' || raw === null) return null
  const { introspection, ...given } = raw as { readonly introspection?: 'deny' | 'allow' } & Partial<GraphqlLimits> // fits the schema
  return { ...graphqlDefaults, ...given, introspection: introspection === 'allow' }
}
