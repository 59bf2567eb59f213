import { formatAddress, reachable, readAddress } from './address.js'
import type { Flag, Given } from './command.js'
import type { Terminal } from './terminal.js'

const usual = { host: '127.0.0.1', port: 9090 }

/** The flag of every command that asks a running gateway. */
export const adminFlag: Flag = {
  type: 'string',
  value: 'HOST:PORT',
  says: 'the admin listener; else POSTERN_ADMIN_LISTEN, else 127.0.0.1:9090',
}

/** Where the admin listener of the gateway in question is. Throws UsageFault for what is no address. */
export function adminUrl(given: Given, terminal: Terminal): URL {
  const text = given.text('admin') ?? terminal.env['POSTERN_ADMIN_LISTEN']
  const address = text === undefined || text === '' ? usual : reachable(readAddress(text, '--admin'))
  return new URL(`http://${formatAddress(address)}`)
}
