import type { Selector } from '../values/selector.js'
import type { Content, Exchange } from './contract.js'
import { queryPairs } from './query.js'

/** Finds a selector's value in an exchange; undefined where the request has none. */
export type Find = (exchange: Exchange) => string | undefined

/**
 * Compiles a selector. Several values of one name are joined by a comma, as HTTP joins repeated headers; a claim or a
 * field that is no text, number or boolean has no value.
 */
export function compileSelector(selector: Selector): Find {
  switch (selector.from) {
    case 'ip':
      return (exchange) => exchange.address
    case 'route':
      return (exchange) => exchange.route.id
    case 'client':
      return selector.field === 'id'
        ? (exchange) => exchange.identity?.clientId ?? undefined
        : (exchange) => exchange.identity?.plan ?? undefined
    case 'jwt': {
      const { path } = selector
      return (exchange) => (exchange.identity === null ? undefined : textAt(exchange.identity.claims, path))
    }
    case 'header': {
      const { name } = selector
      return (exchange) => {
        const value = Object.hasOwn(exchange.headers, name) ? exchange.headers[name] : undefined
        return typeof value === 'string' || value === undefined ? value : value.join(', ')
      }
    }
    case 'query': {
      const { name } = selector
      return (exchange) => joined(queryPairs(exchange), name)
    }
    case 'path': {
      const { name } = selector
      return (exchange) => (Object.hasOwn(exchange.params, name) ? decoded(exchange.params[name]) : undefined)
    }
    case 'body': {
      const { path } = selector
      return (exchange) => (exchange.content === null ? undefined : textInBody(exchange.content, path))
    }
  }
}

/** Walks own properties alone: no text of a policy or a token may reach what objects inherit. */
function textAt(root: unknown, path: readonly string[]): string | undefined {
  let value = root
  for (const part of path) {
    if (value === null || typeof value !== 'object' || !Object.hasOwn(value, part)) return undefined
    value = (value as Readonly<Record<string, unknown>>)[part] // an object that has the key
  }
  if (typeof value === 'string') return value
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined
}

function textInBody(content: Content, path: readonly string[]): string | undefined {
  if (content.kind === 'json') return textAt(content.value, path)
  const [name = ''] = path
  if (path.length !== 1) return undefined
  if (content.kind === 'form') return joined(content.fields, name)
  if (content.kind === 'multipart') {
    const texts = content.parts.filter((part) => part.name === name && part.text !== null).map((part) => part.text)
    return texts.length === 0 ? undefined : texts.join(',')
  }
  return undefined
}

function joined(pairs: readonly { readonly name: string; readonly value: string }[], name: string): string | undefined {
  let found: string | undefined
  for (const pair of pairs) {
    if (pair.name === name) found = found === undefined ? pair.value : `${found},${pair.value}`
  }
  return found
}

/** `%41` and `A` are one value. What is no UTF-8 stays as it came: the front door has refused what could mislead. */
function decoded(raw: string | undefined): string | undefined {
  if (raw?.includes('%') !== true) return raw
  try {
    return decodeURIComponent(raw)
  } catch {
    return raw
  }
}
