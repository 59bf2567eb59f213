/** Where one node of a shared store is reached, and as whom. */
export interface StoreNode {
  readonly host: string
  readonly port: number
  readonly isTls: boolean
  readonly username: string | null
  readonly password: string | null
  readonly database: number
}

/** Reads `redis://user:password@host:6379/0`; `rediss` is TLS. Null when it is none: the text may hold a password, so nobody shows it. */
export function parseStoreUrl(text: string): StoreNode | null {
  if (!URL.canParse(text)) return null
  const url = new URL(text)
  const isTls = url.protocol === 'rediss:' || url.protocol === 'valkeys:'
  if (!isTls && url.protocol !== 'redis:' && url.protocol !== 'valkey:') return null
  const path = url.pathname.replace(/^\//, '')
  if (url.hostname === '' || !/^([0-9]{1,4})?$/.test(path) || url.search !== '' || url.hash !== '') return null
  try {
    return {
      host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
      port: url.port === '' ? 6379 : Number(url.port),
      isTls,
      username: url.username === '' ? null : decodeURIComponent(url.username),
      password: url.password === '' ? null : decodeURIComponent(url.password),
      database: Number(path),
    }
  } catch {
    return null
  }
}
