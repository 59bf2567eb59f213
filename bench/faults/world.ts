import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type LoadReport, quantile, startLoad } from '../../test/support/load.js'
import { freePort, type Running, startPostern, startProcess } from '../support/processes.js'

/** What one fault came to: lines of the table, figures for the budget, and what should not have been. */
export interface Outcome {
  readonly rows: readonly (readonly [figure: string, value: string, goal: string])[]
  readonly figures: Readonly<Record<string, number>>
  readonly wrong: readonly string[]
}

/** A gateway before a function that falls ill and one that stays well. */
export interface World {
  readonly postern: Awaited<ReturnType<typeof startPostern>>
  readonly illPort: number
  ill: Running
  close(): Promise<void>
}

/** Starts them; `ill` are settings of the ill function, `routes` the routes to it. */
export async function startWorld(routes: string, ill = ''): Promise<World> {
  const folder = mkdtempSync(join(tmpdir(), 'postern-bench-faults-'))
  const illPort = await freePort()
  const well = await startProcess('upstream', 1)
  const world = { ill: await startProcess('ill-upstream', 1, [String(illPort)]) }
  writeFileSync(join(folder, 'key.txt'), 'a secret of the bench, thirty-two bytes and more')
  writeFileSync(
    join(folder, 'routes.yaml'),
    `upstreams:
  ill: { url: "http://127.0.0.1:${illPort}"${ill} }
  well: { url: "http://127.0.0.1:${well.port}" }
issuers:
  main: { issuer: "https://bench.example/", audience: bench, algorithms: [HS256], secret: "\${secret:key}" }
defaults: { upstream: ill }
routes:
  GET /well: { upstream: well, auth: none, reason: a bench }
  GET /guarded: { upstream: well, auth: { jwt: main } }
${routes}`,
  )
  writeFileSync(
    join(folder, 'gateway.yaml'),
    `version: 1
secrets: { key: { file: "${join(folder, 'key.txt')}" } }
limits: { connectionsPerAddress: 10000, requestsPerSocket: 10000000 }
`,
  )
  const postern = await startPostern(folder, 0)
  return Object.assign(world, {
    postern,
    illPort,
    async close() {
      await Promise.all([postern.stop(), world.ill.stop(), well.stop()])
      rmSync(folder, { recursive: true, force: true })
    },
  })
}

/** One answer: when it was asked for and when it was here, on this process's clock. */
export interface Seen {
  readonly status: number
  readonly sentAt: number
  readonly at: number
}

/** Load on one target that remembers every answer. */
export function ask(
  port: number,
  target: string | (() => string),
  options: { readonly connections: number; readonly rate?: number },
): { readonly seen: Seen[]; stop(): Promise<LoadReport> } {
  const seen: Seen[] = []
  const load = startLoad({
    port,
    ...options,
    next: () => {
      const path = typeof target === 'string' ? target : target()
      const sentAt = performance.now()
      return {
        bytes: Buffer.from(`GET ${path} HTTP/1.1\r\nHost: shop.example\r\n\r\n`),
        judge: ({ status }) => {
          seen.push({ status, sentAt, at: performance.now() })
          return null
        },
      }
    },
  })
  return { seen, stop: () => load.stop() }
}

export const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

export const tookMs = (seen: readonly Seen[]): number[] => seen.map(({ at, sentAt }) => at - sentAt)

export const p99 = (seen: readonly Seen[]): number => quantile(tookMs(seen), 0.99)

/** `200 × 3,100, 502 × 12`. */
export function statuses(seen: readonly Seen[]): string {
  const counts = new Map<number, number>()
  for (const { status } of seen) counts.set(status, (counts.get(status) ?? 0) + 1)
  const sorted = [...counts].sort(([a], [b]) => a - b)
  return sorted.map(([status, count]) => `${status} × ${count.toLocaleString('en')}`).join(', ')
}

/** A complaint for every status that was not to be. */
export function others(seen: readonly Seen[], allowed: readonly number[]): string[] {
  const found = new Set(seen.map(({ status }) => status).filter((status) => !allowed.includes(status)))
  return [...found].map((status) => `an answer ${status}`)
}

export const lostOf = ({ lost, unaccepted, refused }: LoadReport): number => lost + unaccepted + refused
