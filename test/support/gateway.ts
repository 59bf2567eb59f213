import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type Applied, type Gateway, openGateway } from '../../src/gateway/gateway.js'
import { systemClock } from '../../src/gateway/tools/clock.js'
import { loadPolicy } from '../../src/policy/load.js'
import type { DecisionRecord } from '../../src/record/record.js'
import type { Clock } from '../../src/stages/contract.js'
import type { CloudSettings } from '../../src/state/credentials/credentials.js'
import { createState, type State } from '../../src/state/state.js'
import { formatPlace } from '../../src/values/place.js'
import { type ReceivedAnswer, type SendOptions, send } from './http.js'

/** A gateway on a real port, with its policy in a folder of its own. */
export interface TestGateway {
  readonly url: string
  readonly gateway: Gateway
  readonly state: State
  readonly folder: string
  readonly records: DecisionRecord[]
  lastRecord(): DecisionRecord
  /** The record of the answer, once it has closed: the answer may arrive first. */
  recordOf(answer: ReceivedAnswer): Promise<DecisionRecord>
  get(path: string, headers?: SendOptions['headers']): Promise<ReceivedAnswer>
  send(method: string, path: string, options?: SendOptions): Promise<ReceivedAnswer>
  post(path: string, json: unknown, headers?: SendOptions['headers']): Promise<ReceivedAnswer>
  /** Writes these files, loads the folder and applies it. Rejects with the problems when it is refused. */
  reload(files: string | Readonly<Record<string, string>>): Promise<Applied>
}

/**
 * Starts a gateway for a test. A single text is `routes.yaml`; several files are given by name. It listens on a free
 * port of loopback and goes with the test.
 */
export async function startGateway(
  t: { teardown(done: () => Promise<void> | void): void },
  files: string | Readonly<Record<string, string>>,
  options: { readonly clock?: Clock; readonly cloud?: CloudSettings } = {},
): Promise<TestGateway> {
  const folder = mkdtempSync(join(tmpdir(), 'postern-test-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const clock = options.clock ?? systemClock
  const load = async (next: string | Readonly<Record<string, string>>) => {
    for (const [name, text] of Object.entries(typeof next === 'string' ? { 'routes.yaml': next } : next)) {
      mkdirSync(dirname(join(folder, name)), { recursive: true })
      writeFileSync(join(folder, name), text)
    }
    const loaded = await loadPolicy(folder, { listen: '127.0.0.1:0', adminListen: '127.0.0.1:0' })
    if (loaded.plan === null) {
      const list = loaded.problems.map(({ place, code, message }) => `${formatPlace(place)} ${code}: ${message}`)
      throw new Error(`the policy was refused:\n${list.join('\n')}`)
    }
    return { plan: loaded.plan, vault: loaded.secrets }
  }
  const policy = await load(files)
  const state = createState(clock, undefined, options.cloud === undefined ? {} : { cloud: options.cloud })
  const records: DecisionRecord[] = []
  const waiting = new Map<string, (record: DecisionRecord) => void>()
  const gateway = await openGateway({
    ...policy,
    state,
    clock,
    readers: [
      (record) => {
        records.push(record)
        waiting.get(record.id)?.(record)
      },
    ],
    onFault: (error) => {
      throw error
    },
  })
  t.teardown(async () => {
    await gateway.drain(0)
    await state.close()
  })
  const url = `http://127.0.0.1:${gateway.address.port}`
  return {
    url,
    gateway,
    state,
    folder,
    records,
    lastRecord() {
      const record = records.at(-1)
      if (record === undefined) throw new Error('nothing has been recorded yet')
      return record
    },
    recordOf(answer) {
      const id = String(answer.headers['x-request-id'])
      const known = records.find((record) => record.id === id)
      return known === undefined ? new Promise((resolve) => waiting.set(id, resolve)) : Promise.resolve(known)
    },
    get: (path, headers = {}) => send(url, 'GET', path, { headers }),
    send: (method, path, sendOptions) => send(url, method, path, sendOptions),
    post: (path, json, headers = {}) =>
      send(url, 'POST', path, {
        headers: { 'content-type': 'application/json', ...headers },
        body: typeof json === 'string' ? json : JSON.stringify(json),
      }),
    async reload(next) {
      return await gateway.apply(await load(next))
    },
  }
}
