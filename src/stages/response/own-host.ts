import { isIP } from 'node:net'
import type { UpstreamPlan } from '../../plan/plan.js'

/** Brings what names the function's host or base path back to the host that the caller knows. */
export interface OwnHost {
  /** The value of a `Location` or `Content-Location`; null for what is no URL. */
  location(value: string): string | null
  /** The value of a `Set-Cookie`. */
  cookie(value: string): string
}

/** Compiles the rewriting for the answers of one upstream. Runs only for answers that bear such a header. */
export function compileOwnHost({ origin, basePath }: Pick<UpstreamPlan, 'origin' | 'basePath'>): OwnHost {
  const { hostname, port } = new URL(origin)
  // A name on another port is the same function, as it knows itself behind its platform; on a machine's own address
  // another port is another service.
  const anyPort = hostname !== 'localhost' && !hostname.startsWith('[') && isIP(hostname) === 0

  const withoutBase = (path: string): string => {
    const below = path === basePath || path.startsWith(`${basePath}/`) ? path.slice(basePath.length) : path
    // Two slashes at the start would name a host. RFC 3986 section 4.2
    return `/${below.replace(/^[/\\]+/, '')}`
  }

  return {
    location(value) {
      const hasHost = /^(?:[A-Za-z][A-Za-z0-9+.-]*:|[/\\]{2})/.test(value)
      if (!hasHost && (basePath === '' || !value.startsWith('/'))) return value
      if (!URL.canParse(value, origin)) return null
      const url = new URL(value, origin)
      if (url.hostname !== hostname || !(anyPort || url.port === port || url.port === '')) return value
      // Without a host, a browser stays where it is: no header of the caller's can send it elsewhere. RFC 9110 section 10.2.2
      return withoutBase(url.pathname) + url.search + url.hash
    },

    cookie(value) {
      const [pair = '', ...attributes] = value.split(';')
      let kept = pair
      for (const attribute of attributes) {
        const [name = '', given = ''] = attribute.split('=', 2).map((part) => part.trim())
        const lower = name.toLowerCase()
        if (lower === 'domain' && covers(given.toLowerCase(), hostname)) continue
        kept += lower === 'path' && given.startsWith('/') ? `; ${name}=${withoutBase(given)}` : `;${attribute}`
      }
      return kept
    },
  }
}

/** Whether a cookie's domain takes in the function's host. RFC 6265 section 5.1.3 */
function covers(domain: string, hostname: string): boolean {
  const bare = domain.startsWith('.') ? domain.slice(1) : domain
  return bare === hostname || hostname.endsWith(`.${bare}`)
}
