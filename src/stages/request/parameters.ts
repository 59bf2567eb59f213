import { type Deny, deny, type Exchange, type Reason } from '../contract.js'
import type { SchemaFault, Validate } from '../json-schema.js'
import { queryPairs } from '../query.js'
import { isExactNumber } from './exact-number.js'
import { reasons } from './reasons.js'
import type { ParameterPlan, ParameterSettings } from './settings.js'

type Values = Record<string, unknown>

const repeatedQuery = deny(reasons.queryRepeated)
const unknownQuery = deny(reasons.queryUnknown)
const pathEncoding = deny(reasons.pathEncoding)
const places = {
  path: { prefix: 'path:', reason: reasons.pathInvalid },
  query: { prefix: 'query:', reason: reasons.queryInvalid },
  header: { prefix: 'header:', reason: reasons.headerInvalid },
} as const

/** A check of path, query and headers against their schemas; a denial, or null when they fit. */
export type ParameterCheck = (exchange: Exchange) => Deny | null

/**
 * Compiles the check of path, query and headers. Texts become values by the type their schema asks for, for validation
 * alone: what is forwarded is what came.
 */
export function compileParameters(settings: ParameterSettings, validate: Validate): ParameterCheck {
  const { rejectsUnknownQuery } = settings
  const query = new Map(settings.query.map((plan) => [plan.name, plan]))
  const header = new Map(settings.header.map((plan) => [plan.name, plan]))
  return (exchange) => {
    const path: Values = {}
    for (const plan of settings.path) {
      const raw = exchange.params[plan.name]
      if (raw === undefined) continue
      const text = decode(raw)
      if (text === null) return pathEncoding
      path[plan.name] = readText(text, plan)
    }

    const queryValues: Values = {}
    if (exchange.query !== '' && (query.size > 0 || rejectsUnknownQuery)) {
      for (const { name, value } of queryPairs(exchange)) {
        const plan = query.get(name)
        if (plan === undefined) {
          if (rejectsUnknownQuery) return unknownQuery
        } else if (!put(queryValues, plan, value)) {
          return repeated(repeatedQuery, 'query:', name)
        }
      }
    }

    const headerValues: Values = {}
    if (header.size > 0) {
      const { rawHeaders } = exchange
      for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
        const name = rawHeaders[i]?.toLowerCase() ?? ''
        const plan = header.get(name)
        if (plan !== undefined && !put(headerValues, plan, rawHeaders[i + 1] ?? '')) {
          return repeated(deny(reasons.headerRepeated), 'header:', name)
        }
      }
    }

    const faults = validate({ path, query: queryValues, header: headerValues })
    return faults === null ? null : denyParameters(faults)
  }
}

/** Puts a value in its place; false when a single one is already there. */
function put(values: Values, plan: ParameterPlan, text: string): boolean {
  const value = readText(text, plan)
  const earlier = values[plan.name]
  if (plan.isList) {
    if (Array.isArray(earlier)) earlier.push(value)
    else values[plan.name] = [value]
    return true
  }
  if (earlier !== undefined) return false
  values[plan.name] = value
  return true
}

/** The value of a text, as the first of the wanted types that it can be; else the text itself, which no type then fits. */
function readText(text: string, plan: Pick<ParameterPlan, 'reads'>): unknown {
  for (const type of plan.reads) {
    switch (type) {
      case 'string':
        return text
      case 'integer':
      case 'number':
        if (isJsonNumber(text) && isExactNumber(text)) return Number(text)
        break
      case 'boolean':
        if (text === 'true' || text === 'false') return text === 'true'
        break
      case 'null':
        if (text === 'null' || text === '') return null
        break
    }
  }
  return text
}

/** A number as JSON writes it, and no longer than a double can tell apart. RFC 8259 §6 */
function isJsonNumber(text: string): boolean {
  return text.length <= 40 && /^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$/.test(text)
}

function decode(raw: string): string | null {
  if (!raw.includes('%')) return raw
  if (raw.includes('%00')) return null
  try {
    return decodeURIComponent(raw)
  } catch {
    return null
  }
}

function repeated(denial: Deny, prefix: string, name: string): Deny {
  return { ...denial, errors: [{ at: `${prefix}/${name}`, rule: 'repeated' }] }
}

function denyParameters(faults: readonly SchemaFault[]): Deny {
  const place = (fault: SchemaFault) => {
    const slash = fault.at.indexOf('/', 1)
    const part = fault.at.slice(1, slash) as keyof typeof places // the combined schema has these three parts
    return { ...places[part], at: slash === -1 ? '' : fault.at.slice(slash) }
  }
  const first = faults[0]
  const reason = first === undefined ? reasons.queryInvalid : place(first).reason
  return denyFaults(
    reason,
    faults.map((fault) => {
      const { prefix, at } = place(fault)
      return { at: prefix + at, rule: fault.rule }
    }),
  )
}

/** A denial that names places and rules, for the caller and for the record; never values. */
export function denyFaults(reason: Reason, errors: readonly { readonly at: string; readonly rule: string }[]): Deny {
  return deny(reason, { errors: errors.map(({ at, rule }) => `${at} ${rule}`) }, { errors })
}
