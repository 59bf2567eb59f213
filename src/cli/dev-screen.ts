import type { ListenerPlan } from '../plan/plan.js'
import { formatAddress } from './address.js'
import { counted } from './counted.js'
import { demoLines } from './demo/lines.js'
import type { Demo } from './demo/start.js'
import type { Serving } from './serve.js'
import type { Paint } from './terminal.js'
import { version } from './version.js'

/** More routes than this are a list for `check`, not for a screen. */
const mostRoutes = 40

/** What `dev` prints once it listens: addresses, routes, and requests to try. */
export function devScreen(facts: {
  readonly serving: Serving
  readonly demo: Demo | null
  readonly folder: string
  readonly usual: { readonly public: ListenerPlan; readonly admin: ListenerPlan }
  readonly calledAs: string
  readonly paint: Paint
}): string {
  const { serving, demo, folder, usual, calledAs, paint } = facts
  const scheme = serving.plan.gateway.listeners.public.tls === null ? 'http' : 'https'
  const gateway = `${scheme}://${formatAddress(serving.public)}`
  const admin = `http://${formatAddress(serving.admin)}`
  const instead = (isMoved: boolean, { port }: ListenerPlan): string => (isMoved ? `  (${port} was busy)` : '')
  const rows: [string, string, string][] = [
    [
      'gateway',
      gateway,
      `${counted(serving.plan.routes.length, 'route')} from ${folder}${instead(serving.moved.public, usual.public)}`,
    ],
    ['admin', admin, `/readyz /metrics /records/<request id>${instead(serving.moved.admin, usual.admin)}`],
  ]
  if (demo !== null) {
    rows.push(['demo fn', demo.functionUrl, `repeats what it received${busy(demo, 'function')}`])
    rows.push(['issuer', demo.issuerUrl, `development only: its keys live in memory${busy(demo, 'issuer')}`])
  }
  const width = Math.max(...rows.map(([, url]) => url.length))
  const lines = [
    `${paint('bold', `postern ${version}`)}  dev  node ${process.version}`,
    ...rows.map(([name, url, says]) => `  ${name.padEnd(8)} ${paint('cyan', url.padEnd(width))}  ${says}`),
    '',
    paint('bold', 'Routes'),
    ...routeLines(serving, paint),
  ]
  if (demo !== null) {
    const known = new Set(serving.plan.routes.map(({ id }) => id))
    const tries = demoLines({
      gateway,
      partnerKey: demo.partnerKey,
      calledAs,
      issuer: demo.isSecond ? demo.issuerUrl : null,
    })
    lines.push('', `${paint('bold', 'Try')}  in another terminal, in this folder; each line with the status to expect`)
    for (const { route, status, says, line } of tries) {
      if (route !== null && !known.has(route)) continue
      const expected = status === null ? '   ' : paint(status < 400 ? 'green' : 'red', String(status))
      lines.push(`  ${expected}  ${says}`, `       ${line}`)
    }
  }
  lines.push(
    '',
    `For this machine only, and for development. Edit a file in ${folder}/ and save: it takes effect at once.`,
    'Ctrl-C ends it. Decisions:',
    '',
  )
  return lines.join('\n')
}

function busy(demo: Demo, part: keyof Demo['busyPorts']): string {
  const port = demo.busyPorts[part]
  return port === undefined ? '' : `  (${port} was busy)`
}

function routeLines(serving: Serving, paint: Paint): string[] {
  const { routes } = serving.plan
  const shown = routes.slice(0, mostRoutes)
  const width = Math.max(0, ...shown.map(({ id }) => id.length))
  const lines = shown.map(({ id, upstream, declaredAt, steps }) => {
    const stages = [...new Set(steps.map(({ stage }) => stage))].join(' ')
    return `  ${id.padEnd(width)}  ${upstream}  ${paint('dim', `${declaredAt.file}:${declaredAt.line}  ${stages}`)}`
  })
  return routes.length > shown.length ? [...lines, `  and ${routes.length - shown.length} more`] : lines
}
