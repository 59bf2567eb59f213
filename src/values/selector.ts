import { nearest } from './nearest.js'

/** Where a value of a request is found. Policies have no other expression language. */
export type Selector =
  | { readonly from: 'ip' | 'route' }
  | { readonly from: 'client'; readonly field: 'id' | 'plan' }
  | { readonly from: 'header' | 'query' | 'path'; readonly name: string }
  /** Claim path, outermost first: `jwt.realm.plan` and `jwt:/realm/plan` are both ['realm', 'plan']. */
  | { readonly from: 'jwt'; readonly path: readonly string[] }
  /** JSON pointer into the parsed body, outermost first. */
  | { readonly from: 'body'; readonly path: readonly string[] }

/** What `parseSelector` makes of a text: a selector, or what is wrong with it in an operator's words. */
export type SelectorResult =
  | { readonly ok: true; readonly selector: Selector }
  | { readonly ok: false; readonly message: string; readonly hint?: string }

const fixed: Readonly<Record<string, Selector>> = {
  ip: { from: 'ip' },
  route: { from: 'route' },
  'client.id': { from: 'client', field: 'id' },
  'client.plan': { from: 'client', field: 'plan' },
}

const forms =
  'ip, client.id, client.plan, jwt.<claim>, header.<name>, query.<name>, path.<param>, route, body:/<pointer>'

/** RFC 9110 §5.6.2: what a header name may hold. */
const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,128}$/

/** Reads `ip`, `client.plan`, `jwt.realm.plan`, `jwt:/realm/plan`, `header.x-id`, `query.q`, `path.id`, `route`, `body:/a/0`. */
export function parseSelector(text: string): SelectorResult {
  if (Object.hasOwn(fixed, text)) {
    const selector = fixed[text]
    if (selector !== undefined) return { ok: true, selector }
  }
  const mark = text.search(/[.:]/)
  const word = mark === -1 ? text : text.slice(0, mark)
  const rest = mark === -1 ? '' : text.slice(mark + 1)
  if (text[mark] === ':') {
    if (word !== 'jwt' && word !== 'body') return unreadable(text)
    const path = parsePointer(rest)
    if (path === null) {
      return wrong(`"${text}" holds no JSON pointer: it begins with a slash, and ~ is written ~0, / is written ~1.`)
    }
    return { ok: true, selector: { from: word, path } }
  }
  switch (word) {
    case 'header':
      return token.test(rest) ? { ok: true, selector: { from: word, name: rest.toLowerCase() } } : unreadable(text)
    case 'query':
    case 'path':
      return rest === '' ? unreadable(text) : { ok: true, selector: { from: word, name: rest } }
    case 'jwt': {
      const path = rest.split('.')
      return path.includes('') ? unreadable(text) : { ok: true, selector: { from: 'jwt', path } }
    }
    case 'body':
      return wrong(
        `"${text}" is no selector.`,
        `A field of the body is a JSON pointer: body:/${rest.replaceAll('.', '/')}.`,
      )
    default:
      return unreadable(text)
  }
}

/** The selector as a policy writes it; `parseSelector` reads it back. */
export function formatSelector(selector: Selector): string {
  switch (selector.from) {
    case 'ip':
    case 'route':
      return selector.from
    case 'client':
      return `client.${selector.field}`
    case 'jwt':
      return selector.path.some((part) => part === '' || part.includes('.'))
        ? `jwt:${formatPointer(selector.path)}`
        : `jwt.${selector.path.join('.')}`
    case 'body':
      return `body:${formatPointer(selector.path)}`
    default:
      return `${selector.from}.${selector.name}`
  }
}

/** RFC 6901: the parts of `/a~1b/0`; null when it is none. The empty pointer, the whole document, selects no value here. */
function parsePointer(text: string): readonly string[] | null {
  if (!text.startsWith('/') || /~(?![01])/.test(text)) return null
  return text
    .slice(1)
    .split('/')
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
}

function formatPointer(path: readonly string[]): string {
  return path.map((part) => `/${part.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')
}

function unreadable(text: string): SelectorResult {
  const near = nearest(text, Object.keys(fixed)) ?? nearWord(text)
  return wrong(
    `"${text}" is no selector. Selectors: ${forms}.`,
    near === undefined ? undefined : `Did you mean ${near}?`,
  )
}

/** `headers.x-id` is `header.x-id`. */
function nearWord(text: string): string | undefined {
  const dot = text.indexOf('.')
  if (dot < 1 || dot === text.length - 1) return undefined
  const word = nearest(text.slice(0, dot), ['header', 'query', 'path', 'jwt'])
  return word === undefined || text.startsWith(`${word}.`) ? undefined : word + text.slice(dot)
}

function wrong(message: string, hint?: string): SelectorResult {
  return hint === undefined ? { ok: false, message } : { ok: false, message, hint }
}
