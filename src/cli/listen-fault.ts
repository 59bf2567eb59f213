import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import type { ListenerPlan } from '../plan/plan.js'
import { formatAddress } from './address.js'

/** Why an address could not be had, and how to mend it. */
export function listenFault(address: ListenerPlan, error: unknown, flag: '--listen' | '--admin-listen'): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : String(error)
  const elsewhere = `choose another address with ${flag} HOST:PORT or ${flag === '--listen' ? 'POSTERN_LISTEN' : 'POSTERN_ADMIN_LISTEN'}`
  const why =
    {
      EADDRINUSE: `${holder(address.port)} has this port. Stop it, or ${elsewhere}.`,
      EACCES: `this user may not open ports below 1024. Grant CAP_NET_BIND_SERVICE, or ${elsewhere}.`,
      EADDRNOTAVAIL: `no network interface of this machine has this address; ${elsewhere}.`,
    }[code] ?? `${code}; ${elsewhere}.`
  return `Cannot listen on ${formatAddress(address)}: ${why}`
}

/** Whether listening failed because somebody has the port. */
export function isPortTaken(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'EADDRINUSE' || error.code === 'EACCES')
}

/** The process that listens on a port, where Linux tells: only of our own processes, unless we are root. */
function holder(port: number): string {
  try {
    const inodes = new Set(['/proc/net/tcp', '/proc/net/tcp6'].flatMap((table) => listenersOf(table, port)))
    for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
      if (hasSocket(pid, inodes)) return `process ${pid} (${readFileSync(`/proc/${pid}/comm`, 'utf8').trim()})`
    }
  } catch {
    // Not Linux.
  }
  return 'another process'
}

/** Inodes of the sockets in state 0A (listening) on a port. https://docs.kernel.org/networking/proc_net_tcp.html */
function listenersOf(table: string, port: number): string[] {
  const wanted = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  return readFileSync(table, 'utf8')
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter((columns) => columns[1]?.endsWith(wanted) === true && columns[3] === '0A')
    .flatMap((columns) => columns[9] ?? [])
}

function hasSocket(pid: string, inodes: ReadonlySet<string>): boolean {
  try {
    return readdirSync(`/proc/${pid}/fd`).some((fd) => {
      const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1]
      return inode !== undefined && inodes.has(inode)
    })
  } catch {
    return false // somebody else's process, or one that has just ended
  }
}
