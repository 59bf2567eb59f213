import { isIP } from 'node:net'
import type { ListenerPlan } from '../plan/plan.js'
import { type Flag, type Given, UsageFault } from './command.js'
import type { Terminal } from './terminal.js'

/** Reads `HOST:PORT`, `[::1]:PORT` or `:PORT` (every address). `source` names the flag or variable in the complaint. */
export function readAddress(text: string, source: string): ListenerPlan {
  const colon = text.lastIndexOf(':')
  const port = text.slice(colon + 1)
  const written = text.slice(0, Math.max(colon, 0))
  const host = written.startsWith('[') && written.endsWith(']') ? written.slice(1, -1) : written
  const bareV6 = host === written && host.includes(':')
  const known = host === '' || host === 'localhost' || isIP(host) !== 0
  if (colon === -1 || !/^\d{1,5}$/.test(port) || Number(port) > 65_535 || bareV6 || !known) {
    throw new UsageFault(
      `${source} wants HOST:PORT, such as 127.0.0.1:8080 or [::1]:8080; it is "${text}". HOST is an IP address, localhost ` +
        'or nothing (every address); PORT goes up to 65535.',
    )
  }
  return { host: host === '' ? '0.0.0.0' : host, port: Number(port) }
}

/** `127.0.0.1:8080`, `[::1]:8080`. */
export function formatAddress({ host, port }: ListenerPlan): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}

/** How this machine itself reaches a listener: an unspecified address becomes the loopback one. */
export function reachable({ host, port }: ListenerPlan): ListenerPlan {
  if (host === '0.0.0.0' || host === '') return { host: '127.0.0.1', port }
  return host === '::' ? { host: '::1', port } : { host, port }
}

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\./.test(host)
}

/** The flags of commands that listen. */
export const listenFlags: Readonly<Record<string, Flag>> = {
  listen: { type: 'string', value: 'HOST:PORT', says: 'public listener; else POSTERN_LISTEN, else gateway.yaml' },
  'admin-listen': {
    type: 'string',
    value: 'HOST:PORT',
    says: 'admin listener; else POSTERN_ADMIN_LISTEN, else gateway.yaml',
  },
}

/** Addresses that flags or the environment give; flags win. What neither gives is absent. */
export function addressesFrom(given: Given, env: Terminal['env']): { public?: ListenerPlan; admin?: ListenerPlan } {
  const read = (flag: string, variable: string): ListenerPlan | undefined => {
    const text = given.text(flag)
    if (text !== undefined) return readAddress(text, `--${flag}`)
    const set = env[variable]
    return set === undefined || set === '' ? undefined : readAddress(set, variable)
  }
  const open = read('listen', 'POSTERN_LISTEN')
  const admin = read('admin-listen', 'POSTERN_ADMIN_LISTEN')
  return { ...(open !== undefined && { public: open }), ...(admin !== undefined && { admin }) }
}
