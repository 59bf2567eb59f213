/**
 * What the language will hold and this version does not: refused by name, so that nobody believes it works. Paths with
 * `*` for any one key; a text after `=` reserves one value of the key. What a stage offers never gets here.
 */
const reserved: readonly string[] = [
  'gateway.listeners.admin.tls',
  'gateway.secrets.*.vault',
  'route.ip',
  'route.concurrency',
  'route.replay',
  'route.inspect',
  'route.response',
  'route.request',
  'route.request.events',
  'route.request.unwrap',
  'route.rateLimit',
  'route.auth.signature',
  'route.auth.secret',
  'route.auth.topics',
  'route.auth.confirmSubscription',
]

const patterns = new Set(reserved)

/** Whether a key at this path (`route`, `forward`, `retry`) is reserved for a later version. */
export function isReservedKey(path: readonly string[]): boolean {
  return matches(path, '')
}

/** Whether this value at this path is reserved for a later version. */
export function isReservedValue(path: readonly string[], value: unknown): boolean {
  return typeof value === 'string' && matches(path, `=${value}`)
}

function matches(path: readonly string[], tail: string): boolean {
  if (patterns.has(path.join('.') + tail)) return true
  return path.some((_, i) => i > 0 && patterns.has(path.map((part, j) => (j === i ? '*' : part)).join('.') + tail))
}
