import type { Exchange } from '../../contract.js'
import { queryPairs } from '../../query.js'
import { readDocument } from './document.js'

/** What a GraphQL route lets one request ask for. */
export interface GraphqlLimits {
  /** Nested selections. */
  readonly depth: number
  readonly aliases: number
  /** Fields in all, fragments counted wherever they are spread. */
  readonly fields: number
  readonly directives: number
  /** Operations in one request: the items of a list. */
  readonly batch: number
  readonly introspection: boolean
}

/** A document in a request: where it stands, and its text. */
export interface GraphqlDocument {
  readonly source: 'body' | 'query'
  readonly tokens: readonly (string | number)[]
  readonly text: string
}

/** Why a request asks for too much, and what it was measured by. */
export interface GraphqlFinding {
  readonly technique: string
  readonly at: Pick<GraphqlDocument, 'source' | 'tokens'>
  readonly found?: number
  readonly limit?: number
}

/** The documents of a request: `query` of its body or of each item of a list, of its query, or a body that is one. */
export function documentsOf(exchange: Exchange): GraphqlDocument[] {
  const documents: GraphqlDocument[] = []
  for (const { name, value } of queryPairs(exchange)) {
    if (name === 'query') documents.push({ source: 'query', tokens: ['query'], text: value })
  }
  const { content } = exchange
  if (content?.kind === 'text') documents.push({ source: 'body', tokens: [], text: content.text })
  if (content?.kind === 'form') {
    for (const { name, value } of content.fields) {
      if (name === 'query') documents.push({ source: 'body', tokens: ['query'], text: value })
    }
  }
  if (content?.kind !== 'json') return documents
  const { value } = content
  const items = Array.isArray(value) ? value : [value]
  items.forEach((item: unknown, index) => {
    const text = typeof item === 'object' && item !== null ? (item as { query?: unknown }).query : undefined // any JSON value
    if (typeof text === 'string') {
      documents.push({ source: 'body', tokens: Array.isArray(value) ? [index, 'query'] : ['query'], text })
    }
  })
  return documents
}

/** The first way in which a request asks for more than the limits, and every text inside its documents. */
export function judgeGraphql(
  documents: readonly GraphqlDocument[],
  limits: GraphqlLimits,
): { readonly finding: GraphqlFinding | null; readonly literals: readonly GraphqlDocument[] } {
  const literals: GraphqlDocument[] = []
  const first = documents[0]
  if (first !== undefined && documents.length > limits.batch) {
    const at = { source: first.source, tokens: [] }
    return { finding: { technique: 'too many operations', at, found: documents.length, limit: limits.batch }, literals }
  }
  for (const at of documents) {
    const shape = readDocument(at.text)
    if (typeof shape === 'string') return { finding: { technique: shape, at }, literals }
    for (const text of shape.literals) literals.push({ ...at, text })
    const over = (['depth', 'aliases', 'fields', 'directives'] as const).find((name) => shape[name] > limits[name])
    if (over !== undefined) {
      const technique = over === 'depth' ? 'too deep' : `too many ${over}`
      return { finding: { technique, at, found: shape[over], limit: limits[over] }, literals }
    }
    if (shape.introspects && !limits.introspection) return { finding: { technique: 'introspection', at }, literals }
  }
  return { finding: null, literals }
}
