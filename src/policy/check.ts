import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv'
import { nearest } from '../values/nearest.js'
import type { Place } from '../values/place.js'
import { entryOf, keyPlaceOf, type Node, placeOf } from './node.js'
import type { Report } from './problems.js'
import { isReservedKey, isReservedValue } from './reserved.js'
import type { Language } from './schema.js'
import { withoutBranches } from './unions.js'
import { extraKey, keyHint, knownKeys, requiredHint, valueProblem } from './value-problems.js'
import { describe } from './words.js'

export type Thing = 'gateway' | 'issuer' | 'upstream' | 'client' | 'rateLimit' | 'route' | 'defaults'

/** A node to be checked, and what stands before its path in messages. */
export interface Checked {
  readonly thing: Thing
  readonly node: Node
  /** Where to point for what is missing at the top: the name of the thing. */
  readonly at: Place
}

/** Compares values with the language's schemas and says in words what does not fit. */
export class Checker {
  readonly #language: Language
  readonly #ajv: Ajv
  readonly #compiled = new Map<Thing, ValidateFunction>()

  constructor(language: Language) {
    this.#language = language
    // Strict about keywords, so that a slip in a stage's schema is found by its first test. `validateSchema` would cost
    // every start 30 ms to find what the tests have found.
    this.#ajv = new Ajv({
      allErrors: true,
      verbose: true,
      strict: true,
      strictTypes: false,
      strictRequired: false,
      strictTuples: false,
      allowMatchingProperties: true,
      validateSchema: false,
      validateFormats: false,
      // A start runs this code a few hundred times: polishing it costs more than it saves.
      code: { optimize: false },
      meta: false,
      ownProperties: true,
    })
  }

  /** Top-level keys that fail; empty when all is well. */
  check({ thing, node, at }: Checked, report: Report): ReadonlySet<string> {
    const validate = this.#validator(thing)
    if (validate === undefined || validate(node.value)) return nothing
    const failed = new Set<string>()
    for (const error of withoutBranches(validate.errors ?? [])) {
      const path = segments(error.instancePath)
      const top = path[0] ?? extraKey(error)
      if (top !== undefined) failed.add(top)
      this.#explain(error, path, { thing, node, at }, report)
    }
    return failed
  }

  #validator(thing: Thing): ValidateFunction | undefined {
    const known = this.#compiled.get(thing)
    if (known !== undefined) return known
    const schema = this.#language[thing]
    if (schema === undefined) return undefined
    const compiled = this.#ajv.compile(schema)
    this.#compiled.set(thing, compiled)
    return compiled
  }

  /** `rate-limit` for what stands under a route's `rateLimit`, else the thing's own name. */
  #prefix(thing: Thing, path: readonly string[]): string {
    if (thing === 'rateLimit') return 'rate-limit'
    if (thing !== 'route' && thing !== 'defaults') return thing
    const stage = path[0] === undefined ? undefined : this.#language.stageOf.get(path[0])
    return stage === undefined ? 'route' : stage.replace(/[A-Z]/g, (capital) => `-${capital.toLowerCase()}`)
  }

  #explain(error: ErrorObject, path: readonly string[], checked: Checked, report: Report): void {
    const { thing, node, at } = checked
    const prefix = this.#prefix(thing, path)
    const home = thing === 'defaults' ? 'route' : thing
    const target = walk(node, path)
    const place = target === undefined ? at : path.length === 0 ? at : placeOf(target)
    const where = path.length === 0 ? '' : ` in ${path.join('.')}`
    const key = extraKey(error)
    if (key !== undefined) {
      const entry = entryOf(target, key)
      const keyAt = entry === undefined ? place : keyPlaceOf(entry)
      if (isReservedKey([home, ...path, key])) {
        report({
          code: 'policy.not-available',
          message: `"${[...path, key].join('.')}" is not available in this version.`,
          hint: 'Take it out; the name is kept for a later version.',
          at: keyAt,
        })
        return
      }
      const known = error.keyword === 'additionalProperties' ? knownKeys(error) : []
      const guess = nearest(key, known)
      report({
        code: `${prefix}.key-unknown`,
        message: `Unknown key "${key}"${where}.`,
        hint: guess !== undefined ? `Did you mean "${guess}"?` : keyHint(error, known),
        at: keyAt,
      })
      return
    }
    if (error.keyword === 'required') {
      const missing = String(error.params['missingProperty'])
      report({
        code: `${prefix}.key-missing`,
        message: `"${missing}" is missing${where}.`,
        hint: requiredHint(error, missing),
        at: target === undefined || path.length === 0 ? at : lastKeyPlace(node, path, at),
      })
      return
    }
    if (isReservedValue([home, ...path], error.data)) {
      report({
        code: 'policy.not-available',
        message: `"${path.join('.')}: ${String(error.data)}" is not available in this version.`,
        hint: `Expected ${describe(error.parentSchema)}.`,
        at: place,
      })
      return
    }
    report({ at: place, ...valueProblem(error, path, prefix) })
  }
}

const nothing: ReadonlySet<string> = new Set()

function segments(pointer: string): string[] {
  if (pointer === '') return []
  return pointer
    .slice(1)
    .split('/')
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
}

function walk(node: Node, path: readonly string[]): Node | undefined {
  let found: Node | undefined = node
  for (const part of path) {
    found = found?.kind === 'list' ? found.items[Number(part)] : entryOf(found, part)?.node
  }
  return found
}

/** The key that leads to a path's value; the item itself in a list. */
function lastKeyPlace(node: Node, path: readonly string[], at: Place): Place {
  const parent = walk(node, path.slice(0, -1))
  const last = path.at(-1)
  if (parent === undefined || last === undefined) return at
  const entry = entryOf(parent, last)
  if (entry !== undefined) return keyPlaceOf(entry)
  const item = walk(node, path)
  return item === undefined ? at : placeOf(item)
}
