import { createHash } from 'node:crypto'
import type { SchemaPlan } from '../../src/plan/plan.js'
import { parseYaml } from '../../src/policy/parse.js'
import { parseJson } from '../../src/policy/parse-json.js'
import { rootSection } from '../../src/policy/section.js'
import { Source } from '../../src/policy/source.js'
import type { Scope, Section, Tools } from '../../src/stages/contract.js'

interface Finding {
  readonly code: string
  readonly message: string
  readonly hint?: string | undefined
  readonly severity?: 'error' | 'warning'
  readonly at: { readonly file: string; readonly line: number; readonly column: number }
}

/** The process as it is where gateway.yaml says nothing. */
const plainGateway: Scope['gateway'] = {
  listeners: {
    public: { host: '127.0.0.1', port: 8080, tls: null },
    admin: { host: '127.0.0.1', port: 9090, token: null },
  },
  trustedProxies: [],
}

export interface TestScope {
  readonly scope: Scope
  readonly findings: Finding[]
  readonly schemas: Record<string, SchemaPlan>
  /** What a stage's `compile` needs of the plan's schemas. */
  readonly tools: Pick<Tools, 'schemas' | 'keep'>
  /** The section of a text, as `policy/` makes it. */
  section(text: string, file?: string): Section
}

/** A scope for resolving one stage by itself: files from a map, problems into a list, schemas by their hash. */
export function makeScope(
  route: Scope['route'] = { id: 'POST /', method: 'POST', segments: [] },
  files: Readonly<Record<string, string>> = {},
): TestScope {
  const findings: Finding[] = []
  const schemas: Record<string, SchemaPlan> = {}
  const kept = new Map<string, unknown>()
  const keep = <T>(key: string, make: () => T): T => {
    if (!kept.has(key)) kept.set(key, make())
    return kept.get(key) as T // a key is used with one type only
  }
  const read = new Map<string, Section>()
  const section = (text: string, file = 'orders.yaml'): Section => {
    const source = new Source(file, text)
    const parse = file.endsWith('.json') ? parseJson : parseYaml
    const node = parse(source, (finding) => findings.push(finding))
    if (node === undefined) throw new Error(`${file} does not parse`)
    return rootSection(node)
  }
  const scope: Scope = {
    route,
    gateway: plainGateway,
    issuers: {},
    clients: {},
    upstreams: {},
    rateLimits: {},
    report: (finding) => findings.push(finding),
    readFile: (reference, from) => {
      const file = new URL(reference, new URL(from.place.file, 'test:/')).pathname.slice(1)
      const text = files[file]
      if (text === undefined) {
        findings.push({ code: 'policy.file-missing', message: `${file} is not there.`, at: from.place })
        return undefined
      }
      const known = read.get(file) ?? section(text, file)
      read.set(file, known)
      return known
    },
    readText: (reference, from) => files[new URL(reference, new URL(from.place.file, 'test:/')).pathname.slice(1)],
    secretText: () => undefined,
    addSchema: (plan) => {
      const hash = createHash('sha256').update(JSON.stringify(plan)).digest('hex')
      schemas[hash] = plan
      return hash
    },
    keep,
  }
  return { scope, findings, schemas, tools: { schemas, keep }, section }
}
