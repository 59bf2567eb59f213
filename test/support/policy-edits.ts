import { renameSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { type LoadAnswer, type LoadReport, type LoadRequest, startLoad } from './load.js'

/** A policy that is edited while it serves, and what its callers must see meanwhile. */
export interface EditedPolicy {
  readonly folder: string
  /** Where the gateway listens. */
  readonly port: number
  /** Where the function listens: `startEcho`. */
  readonly upstreamPort: number
  readonly edits: number
  /** Requests a second. */
  readonly rate: number
  /** How many reloads the gateway has refused so far, as it tells operators. */
  refusals(): Promise<number> | number
}

export interface EditReport {
  readonly load: LoadReport
  /** Milliseconds from saving to the first answer under the new policy, one for each sound edit. */
  readonly liveMs: readonly number[]
  /** Edits that should have gone live or been refused, and were not within five seconds. */
  readonly stuck: readonly string[]
  /** Answers under a version that was never accepted, an older one than already seen, or two at once. */
  readonly halfMade: number
  /** Calls let through a limit of three in all, across every reload. */
  readonly limitedAdmitted: number
}

const firstBroken = 1_000
const patienceMs = 5_000

/** Two facts of one version that answers show, a route that always asks for a token, one that soon is used up. */
export function policyAt(version: number, upstreamPort: number): string {
  return `issuers:
  main: { issuer: "https://id.example/", audience: shop, secret: "\${secret:hmac}", algorithms: [HS256] }
upstreams:
  fn: { url: "http://127.0.0.1:${upstreamPort}/v${version}" }
routes:
  GET /open/{id}:
    upstream: fn
    auth: none
    reason: shows which version judged it
    forward: { headers: { set: { x-version: v${version} } } }
  GET /limited:
    upstream: fn
    auth: none
    reason: shows that a reload hands out no fresh allowance
    rateLimit: { once: { partitionKey: ip, quota: 3, window: 1h } }
  GET /guarded:
    upstream: fn
    auth: { jwt: main }
`
}

/** What stands beside it: generous enough for a load from one address. */
export const editedGateway = `version: 1
addressLimit: { quota: 10000000, window: 1m }
limits: { eventLoopDelay: 5s, connectionsPerAddress: 1000 }
secrets: { hmac: { file: ./hmac.txt } }
`

/** Ways to break a policy while editing it; none may ever judge a request. */
export const brokenEdits: readonly { readonly name: string; readonly text: (sound: string) => string }[] = [
  { name: 'an unknown key', text: (sound) => sound.replace('    auth: none\n', '    auth: none\n    bursts: 20\n') },
  { name: 'a bracket left open', text: (sound) => sound.replace('routes:', 'routes: [') },
  {
    name: 'a file cut before the auth of its last route',
    text: (sound) => sound.slice(0, sound.lastIndexOf('    auth')),
  },
  { name: 'an empty file', text: () => '' },
  { name: 'an upstream nobody declared', text: (sound) => sound.replace('upstream: fn', 'upstream: nf') },
  { name: 'a route without auth', text: (sound) => sound.replace('    auth: { jwt: main }\n', '') },
  { name: 'auth: none in the defaults', text: (sound) => `defaults: { auth: none }\n${sound}` },
  {
    name: 'a rate that cannot be read',
    text: (sound) => sound.replace('quota: 3, window: 1h', 'quota: few, window: 1h'),
  },
  {
    name: 'a route twice',
    text: (sound) => `${sound}  GET /guarded:\n    upstream: fn\n    auth: none\n    reason: twice\n`,
  },
  { name: 'an issuer nobody declared', text: (sound) => sound.replace('jwt: main', 'jwt: mian') },
  { name: 'a tab for indentation', text: (sound) => sound.replace('    auth: { jwt: main }', '\tauth: { jwt: main }') },
]

/** The function: tells under which version it was called. */
export async function startEcho(): Promise<{ readonly port: number; close(): void }> {
  const server: Server = createServer((request, response) => {
    const text = JSON.stringify({ path: request.url, version: request.headers['x-version'] ?? null })
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }).end(text)
  })
  server.keepAliveTimeout = 60_000
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo // a listening TCP server has one
  return {
    port,
    close: () => {
      server.close()
      server.closeAllConnections()
    },
  }
}

/** Edits the policy again and again under load, every other time to something broken, and judges every answer. */
export async function runEdits(policy: EditedPolicy): Promise<EditReport> {
  const file = join(policy.folder, 'routes.yaml')
  const liveMs: number[] = []
  const stuck: string[] = []
  let accepted = 1
  let seen = 1
  let halfMade = 0
  let limitedAdmitted = 0
  let count = 0

  const judgeOpen = (path: string, floor: number) => (answer: LoadAnswer) => {
    if (answer.status !== 200) return `an open route answered ${answer.status}`
    const told = JSON.parse(answer.body.toString()) as { path: string; version: string } // the echo's own form
    const version = Number(told.version.slice(1))
    seen = Math.max(seen, Math.min(version, firstBroken - 1))
    if (told.path === `/${told.version}${path}` && version >= floor && version <= accepted) return null
    halfMade += 1
    return `${told.path} under ${told.version}, while v${floor} to v${accepted} may judge ${path}`
  }
  const next = (): LoadRequest => {
    count += 1
    if (count % 8 === 1) return { bytes: limited, judge: judgeLimited }
    if (count % 4 === 2) return { bytes: guarded, judge: judgeGuarded }
    const path = `/open/item-${count}`
    return { bytes: ask(path), judge: judgeOpen(path, seen) }
  }
  const judgeLimited = ({ status }: LoadAnswer): string | null => {
    if (status === 200) limitedAdmitted += 1
    return status === 200 || status === 429 ? null : `a limited route answered ${status}`
  }
  const judgeGuarded = ({ status }: LoadAnswer): string | null => {
    if (status === 401) return null
    halfMade += 1
    return `a guarded route answered ${status} to a caller without a token`
  }

  const load = startLoad({ port: policy.port, connections: 16, rate: policy.rate, next })
  await until(() => load.report.answered >= 10)
  for (let edit = 0; edit < policy.edits; edit++) {
    const broken = edit % 2 === 1 ? brokenEdits[(edit >> 1) % brokenEdits.length] : undefined
    const before = await policy.refusals()
    const savedAt = performance.now()
    if (broken === undefined) {
      accepted += 1
      save(file, policyAt(accepted, policy.upstreamPort), edit % 4 === 0)
      const live = await until(() => seen === accepted)
      if (live) liveMs.push(performance.now() - savedAt)
      else stuck.push(`sound edit ${edit} did not go live`)
    } else {
      save(file, broken.text(policyAt(firstBroken + edit, policy.upstreamPort)), edit % 4 === 1)
      const refused = await until(async () => (await policy.refusals()) > before)
      if (!refused) stuck.push(`${broken.name} was not refused`)
    }
  }
  return { load: await load.stop(), liveMs, stuck, halfMade, limitedAdmitted }
}

const ask = (path: string): Buffer => Buffer.from(`GET ${path} HTTP/1.1\r\nHost: shop.example\r\n\r\n`)
const limited = ask('/limited')
const guarded = ask('/guarded')

/** As editors do it: over the old text, or aside and then into its place. */
function save(file: string, text: string, inPlace: boolean): void {
  if (inPlace) return writeFileSync(file, text)
  writeFileSync(`${file}.new`, text)
  renameSync(`${file}.new`, file)
}

/** Asks every few milliseconds, for five seconds at most; whether it came true. */
async function until(isTrue: () => boolean | Promise<boolean>): Promise<boolean> {
  const deadline = performance.now() + patienceMs
  while (performance.now() < deadline) {
    if (await isTrue()) return true
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
  return false
}
