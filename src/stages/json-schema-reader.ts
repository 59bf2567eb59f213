import type { JsonSchema, SchemaPlan } from '../plan/plan.js'
import { nearest } from '../values/nearest.js'
import type { Scope, Section } from './contract.js'
import { knownFormats, schemaChecker, schemaTrial } from './json-schema.js'
import { allKeywords, exactInteger, inPlaceKeywords } from './json-schema-keywords.js'
import {
  decodePointer,
  findAnchor,
  isNode,
  pointerOf,
  resolveUri,
  type SchemaNode,
  subschemas,
} from './json-schema-walk.js'
import { patternProblem } from './pattern-safety.js'

/** A file (or an inline piece) that takes part in one schema. */
interface Source {
  readonly section: Section
  readonly root: unknown
  /** Base of its references until it sets its own `$id`. */
  readonly base: string
}

/** A reference, to be followed when all `$id`s are known. */
interface Reference {
  readonly node: SchemaNode
  readonly keyword: string
  readonly text: string
  readonly base: string
  readonly resource: Resource
  readonly place: Section
}

/** A schema with an identity of its own: pointers in its references start here. */
interface Resource {
  readonly source: Source
  readonly node: unknown
  readonly path: readonly string[]
}

const dialectNames: Readonly<Record<string, SchemaPlan['dialect']>> = {
  'http://json-schema.org/draft-07/schema': 'draft-07',
  'https://json-schema.org/draft-07/schema': 'draft-07',
  'https://json-schema.org/draft/2019-09/schema': '2019-09',
  'https://json-schema.org/draft/2020-12/schema': '2020-12',
}

const typeNames = ['array', 'boolean', 'integer', 'null', 'number', 'object', 'string'] as const

/** Reads one schema and what it refers to; every fault goes to the scope. */
export class SchemaReader {
  readonly #scope: Scope
  readonly #stage: string
  readonly #sources = new Map<string, Source>()
  readonly #main: Source
  readonly #visited = new Set<unknown>()
  readonly #resources = new Map<string, Resource>()
  readonly #references: Reference[] = []
  /** Schemas that judge the same value as the key does. */
  readonly #inPlace = new Map<unknown, Set<unknown>>()
  #dialect: SchemaPlan['dialect'] = '2020-12'
  #sound = true

  constructor(section: Section, scope: Scope, stage: string) {
    this.#scope = scope
    this.#stage = stage
    this.#main = this.#open(section)
  }

  read(): SchemaPlan | undefined {
    this.#dialect = this.#dialectOf(this.#main) ?? '2020-12'
    this.#visitSource(this.#main)
    for (let i = 0; i < this.#references.length; i++) {
      this.#follow(this.#references[i] as Reference) // the list grows as references lead to unseen schemas
    }
    for (const source of this.#sources.values()) this.#checkAgainstDialect(source)
    if (this.#sound) this.#checkCircles()
    if (!this.#sound) return undefined
    const refers: Record<string, JsonSchema> = {}
    for (const source of this.#sources.values()) {
      if (source !== this.#main) refers[this.#identify(source)] = source.root as JsonSchema // checked against its dialect
    }
    const plan = { dialect: this.#dialect, schema: this.#main.root as JsonSchema, refers } // checked like the others
    const { dialect } = plan
    const fault = this.#scope.keep(`json-schema.fault.${JSON.stringify(plan)}`, () =>
      this.#scope.keep(`json-schema.trial.${dialect}`, () => schemaTrial(dialect))(plan),
    )
    if (fault === null) return plan
    this.#report('schema-invalid', `The schema does not compile: ${fault}.`, this.#main.section)
    return undefined
  }

  #open(section: Section): Source {
    // Stable and unique, for schemas of several parameters may come to stand in one plan.
    const base = new URL(encodeURI(section.place.file), 'policy:/').href
    const source = { section, root: structuredClone(section.value), base }
    this.#sources.set(section.place.file + pointerOf(section), source)
    return source
  }

  #visitSource(source: Source): void {
    const resource: Resource = { source, node: source.root, path: [] }
    this.#resources.set(source.base, resource)
    this.#visit(source.root, [], source.base, resource)
  }

  /** The absolute id of a file's schema; given to it when it has none. */
  #identify(source: Source): string {
    const root = source.root
    if (!isNode(root)) return source.base
    const own = root['$id']
    const id = (typeof own === 'string' && !own.startsWith('#') && resolveUri(own, source.base)) || source.base
    if (own !== id) root['$id'] = id
    return id
  }

  #visit(node: unknown, path: readonly string[], base: string, resource: Resource): void {
    if (!isNode(node) || this.#visited.has(node)) return
    this.#visited.add(node)
    const { source } = resource
    const at = (...keys: string[]) => source.section.get(...path, ...keys)
    let inner = resource
    let innerBase = base
    const id = node['$id']
    if (typeof id === 'string' && !id.startsWith('#')) {
      innerBase = resolveUri(id.replace(/#$/, ''), base) ?? base
      inner = { source, node, path }
      if (this.#resources.has(innerBase) && path.length > 0) {
        this.#report('schema-id-repeated', `Two schemas have the id ${JSON.stringify(id)}.`, at('$id'))
      }
      this.#resources.set(innerBase, inner)
    }
    this.#checkKeywords(node, at)
    for (const keyword of ['$ref', '$dynamicRef', '$recursiveRef']) {
      const text = node[keyword]
      if (typeof text !== 'string') continue
      this.#references.push({ node, keyword, text, base: innerBase, resource: inner, place: at(keyword) })
    }
    for (const [keyword, value] of Object.entries(node)) {
      for (const [child, childPath] of subschemas(keyword, value)) {
        if (inPlaceKeywords.has(keyword)) this.#link(node, child)
        this.#visit(child, [...path, keyword, ...childPath], innerBase, inner)
      }
    }
  }

  #checkKeywords(node: SchemaNode, at: (...keys: string[]) => Section): void {
    const bound = node['maxLength']
    const maxLength = typeof bound === 'number' ? bound : null
    if (typeof node['pattern'] === 'string') this.#checkPattern(node['pattern'], maxLength, at('pattern'))
    if (isNode(node['patternProperties'])) {
      const names = node['propertyNames']
      const nameBound = isNode(names) && typeof names['maxLength'] === 'number' ? names['maxLength'] : null
      for (const pattern of Object.keys(node['patternProperties'])) {
        this.#checkPattern(pattern, nameBound, at('patternProperties', pattern))
      }
    }
    const type = node['type']
    const types = Array.isArray(type) ? type : [type]
    if (types.includes('integer') && !types.includes('number')) node[exactInteger] = true
    // OpenAPI 3.0: without `type`, `nullable` says nothing. Ajv would refuse it.
    if (type === undefined) delete node['nullable']
    const format = node['format']
    if (typeof format === 'string' && !knownFormats.has(format)) {
      this.#warn('schema-format-unknown', `The format ${JSON.stringify(format)} is not checked.`, at('format'))
    }
    if ('$async' in node) {
      this.#report('schema-invalid', '"$async" is no JSON Schema keyword.', at('$async'))
    }
    for (const keyword of Object.keys(node)) {
      if (allKeywords.has(keyword) || keyword === exactInteger || keyword.startsWith('x-')) continue
      const meant = nearest(keyword, allKeywords)
      if (meant === undefined) continue
      const message = `${JSON.stringify(keyword)} is no keyword of JSON Schema, so it checks nothing.`
      this.#warn('schema-keyword-unknown', message, at(keyword), `Did you mean ${meant}?`)
    }
  }

  #checkPattern(pattern: string, maxLength: number | null, place: Section): void {
    const problem = this.#scope.keep(`pattern-safety.${maxLength ?? ''}.${pattern}`, () =>
      patternProblem(pattern, maxLength),
    )
    if (problem !== null) this.#report(`pattern-${problem.what}`, problem.message, place, problem.hint)
  }

  /** Sorts a reference: within the schema, into a file beside it, or out into the network, where nothing is fetched. */
  #follow(reference: Reference): void {
    const { text, base, resource } = reference
    const hash = text.indexOf('#')
    const target = hash === -1 ? text : text.slice(0, hash)
    const fragment = hash === -1 ? '' : text.slice(hash + 1)
    const known = target === '' ? resource : this.#resources.get(resolveUri(target, base) ?? '')
    if (known !== undefined) {
      // A whole file may have an id of its own; that is the name under which ajv will know it.
      if (target !== '' && known.node === known.source.root) this.#rename(reference, known.source, hash, fragment)
      this.#arrive(reference, known, fragment)
      return
    }
    const file = this.#fileOf(target, resource)
    if (file === undefined) {
      const message = `The reference ${JSON.stringify(text)} leads out of the policy folder; schemas are never fetched.`
      this.#report('schema-ref-remote', message, reference.place, 'Save the schema beside this one and name its file.')
      return
    }
    const section = this.#scope.readFile(file, reference.place)
    if (section === undefined) {
      this.#sound = false // readFile has reported it
      return
    }
    let source = this.#sources.get(section.place.file + pointerOf(section))
    if (source === undefined) {
      source = this.#open(section)
      const dialect = this.#dialectOf(source)
      if (dialect !== undefined && dialect !== this.#dialect) {
        const message = `A schema of dialect ${dialect} cannot be part of one of ${this.#dialect}.`
        this.#report('schema-dialect', message, section.get('$schema'))
      }
      this.#visitSource(source)
    }
    this.#rename(reference, source, hash, fragment)
    this.#arrive(reference, { source, node: source.root, path: [] }, fragment)
  }

  #rename(reference: Reference, source: Source, hash: number, fragment: string): void {
    const id = this.#identify(source)
    reference.node[reference.keyword] = hash === -1 ? id : `${id}#${fragment}`
  }

  #arrive(reference: Reference, resource: Resource, fragment: string): void {
    let node = resource.node
    const path = [...resource.path]
    if (fragment !== '' && !fragment.startsWith('/')) {
      // An anchor: ajv knows it, or does not compile. Where it leads must not be back here without going into the value.
      const anchored = findAnchor(resource.node, fragment)
      if (anchored !== undefined) this.#link(reference.node, anchored)
      return
    }
    for (const step of fragment.split('/').slice(1)) {
      const key = decodePointer(step)
      const next: unknown =
        typeof node === 'object' && node !== null && Object.hasOwn(node, key) ? (node as SchemaNode)[key] : undefined // own keys
      if (next === undefined) {
        const message = `The reference ${JSON.stringify(reference.text)} leads nowhere.`
        const names = typeof node === 'object' && node !== null ? Object.keys(node) : []
        const meant = nearest(key, names)
        this.#report('schema-ref-missing', message, reference.place, meant && `Did you mean ${meant}?`)
        return
      }
      node = next
      path.push(key)
    }
    this.#link(reference.node, node)
    const base = [...this.#resources].find(([, known]) => known.node === resource.node)?.[0] ?? resource.source.base
    this.#visit(node, path, base, resource)
  }

  /** The relative path a reference names: a path, or a URL in the same folder as the schema's own `$id`. */
  #fileOf(target: string, resource: Resource): string | undefined {
    if (!/^[a-z][a-z0-9+.-]*:/i.test(target)) {
      return target.startsWith('/') ? undefined : decodePointer(target)
    }
    const root = resource.source.root
    const own = isNode(root) ? root['$id'] : undefined
    if (typeof own !== 'string' || !own.includes('://')) return undefined
    const folder = own.slice(0, own.lastIndexOf('/') + 1)
    return folder.split('/').length > 3 && target.startsWith(folder) && target.length > folder.length
      ? decodePointer(target.slice(folder.length))
      : undefined
  }

  #dialectOf(source: Source): SchemaPlan['dialect'] | undefined {
    const named = isNode(source.root) ? source.root['$schema'] : undefined
    if (named === undefined) return undefined
    const dialect = typeof named === 'string' ? dialectNames[named.replace(/#$/, '')] : undefined
    if (dialect === undefined) {
      this.#report(
        'schema-dialect',
        `The dialect ${JSON.stringify(named)} is not known.`,
        source.section.get('$schema'),
        'Known are draft-07, 2019-09 and 2020-12 (the default): https://json-schema.org/draft/2020-12/schema.',
      )
    }
    return dialect
  }

  #checkAgainstDialect(source: Source): void {
    const dialect = this.#dialect
    const check = this.#scope.keep(`json-schema.checker.${dialect}`, () => schemaChecker(dialect))
    const root = source.root
    // The checker reads `$schema` itself; what it names has been judged.
    const bare = isNode(root) && '$schema' in root ? { ...root } : root
    if (isNode(bare)) delete bare['$schema']
    const told = new Set<string>()
    for (const { at, message } of check(bare as JsonSchema)) {
      // A wrong value breaks several alternatives of its rule; one of them says enough.
      if (told.has(at)) continue
      told.add(at)
      const keys = at.split('/').slice(1).map(decodePointer)
      const section = source.section.get(...keys)
      const key = keys.at(-1)
      if (key === 'type' && typeof section.value === 'string') {
        const meant = nearest(section.value, typeNames)
        const hint = meant === undefined ? `Types are ${typeNames.join(', ')}.` : `Did you mean ${meant}?`
        this.#report('schema-invalid', `${JSON.stringify(section.value)} is no JSON type.`, section, hint)
        continue
      }
      const hint =
        key === 'items' && dialect === '2020-12'
          ? 'A list of schemas is `prefixItems` in 2020-12; or name the draft in `$schema`.'
          : undefined
      this.#report('schema-invalid', `${key === undefined ? 'The schema' : `"${key}"`} ${message}.`, section, hint)
    }
  }

  #link(from: unknown, to: unknown): void {
    const links = this.#inPlace.get(from)
    if (links === undefined) this.#inPlace.set(from, new Set([to]))
    else links.add(to)
  }

  /** A schema that judges a value by judging it by itself again never ends. */
  #checkCircles(): void {
    const done = new Set<unknown>()
    const isEndless = (node: unknown, above: Set<unknown>): boolean => {
      if (above.has(node)) return true
      if (done.has(node)) return false
      above.add(node)
      for (const next of this.#inPlace.get(node) ?? []) if (isEndless(next, above)) return true
      above.delete(node)
      done.add(node)
      return false
    }
    for (const reference of this.#references) {
      if (!isEndless(reference.node, new Set())) continue
      const message = `The reference ${JSON.stringify(reference.text)} leads back to itself without going into the value.`
      this.#report('schema-ref-endless', message, reference.place)
      return
    }
  }

  #report(what: string, message: string, section: Section, hint?: string): void {
    this.#sound = false
    const code = `${this.#stage}.${what}`
    this.#scope.report({ code, message, at: section.place, ...(hint === undefined ? {} : { hint }) })
  }

  #warn(what: string, message: string, section: Section, hint?: string): void {
    const problem = { code: `${this.#stage}.${what}`, message, at: section.place, severity: 'warning' } as const
    this.#scope.report(hint === undefined ? problem : { ...problem, hint })
  }
}
