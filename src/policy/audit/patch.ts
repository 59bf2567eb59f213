import type { Place } from '../../values/place.js'
import type { Merge, Patch } from './finding.js'

/** A change to a route's own policy, in the file that declares it. */
export function routePatch(
  route: { readonly id: string; readonly plan: { readonly declaredAt: Place } },
  merge: Merge,
): Patch {
  return { file: route.plan.declaredAt.file, merge: { routes: { [route.id]: merge } } }
}

/** A change to one shared thing, in the file that declares it. */
export function sharedPatch(
  kind: 'issuers' | 'upstreams' | 'clients' | 'rateLimits',
  thing: { readonly name: string; readonly declaredAt: Place },
  merge: Merge | null,
): Patch {
  return { file: thing.declaredAt.file, merge: { [kind]: { [thing.name]: merge } } }
}

/** A change to gateway.yaml. */
export function gatewayPatch(merge: Merge): Patch {
  return { file: 'gateway.yaml', merge }
}

/** Narrower than the console, so that a patch can be read beside its finding. */
const widest = 100

/** The patch as lines of YAML: maps in blocks, except where one fits its line. */
export function patchLines({ merge }: Patch): string[] {
  return blockLines(merge, '', 0)
}

function blockLines(map: Merge, indent: string, depth: number): string[] {
  return Object.entries(map).flatMap(([key, value]) => {
    const head = `${indent}${scalar(key)}:`
    if (value === null) return [`${head} # delete this key`]
    if (!isMerge(value)) return [`${head} ${flow(value)}`]
    const line = `${head} ${flow(value)}`
    // The way to the change is written in blocks, as policy files are; the change itself may share one line.
    return depth > 1 && line.length <= widest && !deletes(value)
      ? [line]
      : [head, ...blockLines(value, `${indent}  `, depth + 1)]
  })
}

function flow(value: Merge[string]): string {
  if (isMerge(value)) {
    const entries = Object.entries(value).map(([key, each]) => `${scalar(key)}: ${flow(each)}`)
    return entries.length === 0 ? '{}' : `{ ${entries.join(', ')} }`
  }
  if (Array.isArray(value)) return `[${value.map(scalar).join(', ')}]`
  return typeof value === 'string' ? scalar(value) : String(value)
}

/** What is taken away needs a line of its own, for what stands on it is a word to the reader. */
function deletes(map: Merge): boolean {
  return Object.values(map).some((value) => value === null || (isMerge(value) && deletes(value)))
}

function isMerge(value: Merge[string]): value is Merge {
  return value !== null && typeof value === 'object' && !Array.isArray(value)
}

/** Plain where YAML reads a plain word back as this very text, else quoted; a JSON text is a YAML text. */
function scalar(text: string): string {
  const isPlain =
    /^[A-Za-z./][A-Za-z0-9 ./:_{}+-]*$/.test(text) && !/: |:$| $|^(true|false|null|off|on|yes|no)$/i.test(text)
  if (/^[0-9]+(\/[0-9]+)?(ms|s|m|h|d|B|KiB|MiB|GiB)$|^[0-9]{4}-[0-9]{2}-[0-9]{2}$/.test(text)) return text
  const isFlowSafe = !/[{}]/.test(text) || /^[A-Z]+ \//.test(text)
  return isPlain && isFlowSafe ? text : JSON.stringify(text)
}
