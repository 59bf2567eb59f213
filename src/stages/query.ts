import type { Exchange, QueryPair } from './contract.js'

const none: readonly QueryPair[] = []

/** The decoded query of an exchange; parsed once, by the first stage that asks. */
export function queryPairs(exchange: Exchange): readonly QueryPair[] {
  exchange.parsedQuery ??= exchange.query === '' ? none : parseForm(exchange.query)
  return exchange.parsedQuery
}

/**
 * Name and value pairs of a query or an `application/x-www-form-urlencoded` text: `&` alone separates, `+` is a blank.
 * Percent sequences that are no UTF-8 stay as they are: the front door and `request` have refused them where they matter.
 * WHATWG URL, section 5.1
 */
export function parseForm(text: string): QueryPair[] {
  const pairs: QueryPair[] = []
  for (const piece of text.split('&')) {
    if (piece === '') continue
    const equals = piece.indexOf('=')
    pairs.push(
      equals === -1
        ? { name: decodeFormText(piece), value: '' }
        : { name: decodeFormText(piece.slice(0, equals)), value: decodeFormText(piece.slice(equals + 1)) },
    )
  }
  return pairs
}

function decodeFormText(raw: string): string {
  const spaced = raw.includes('+') ? raw.replaceAll('+', ' ') : raw
  if (!spaced.includes('%')) return spaced
  try {
    return decodeURIComponent(spaced)
  } catch {
    return spaced
  }
}
