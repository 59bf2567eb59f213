import { type Direction, directionOf, type Fact } from './difference-rules.js'
import type { JsonSchema, SchemaPlan } from './plan.js'

/** One keyword of a JSON Schema that is not what it was. */
export interface SchemaChange {
  /** A JSON pointer: `/properties/qty/maximum`. */
  readonly setting: string
  readonly direction: Direction
  readonly before: Fact | undefined
  readonly after: Fact | undefined
}

/** More than this of one schema is told as one change: whoever rewrites a schema reads it as a whole. */
const most = 20

/** Keywords that say something to people alone. */
const silent = new Set([
  'title',
  'description',
  'examples',
  'default',
  '$comment',
  '$schema',
  '$id',
  'deprecated',
  'readOnly',
  'writeOnly',
])

/** What changes between two schemas, keyword by keyword. Annotations are no change. */
export function schemaChanges(before: SchemaPlan | undefined, after: SchemaPlan | undefined): SchemaChange[] {
  if (before === undefined || after === undefined) return []
  const changes: SchemaChange[] = []
  if (before.dialect !== after.dialect) {
    changes.push({ setting: '/$schema', direction: 'other', before: before.dialect, after: after.dialect })
  }
  walk(before.schema, after.schema, '', changes)
  walk(before.refers, after.refers, '/refers', changes)
  if (changes.length <= most) return changes
  const direction = changes.some((each) => each.direction === 'weaker') ? 'weaker' : 'other'
  return [{ setting: '/', direction, before: `${changes.length} keywords`, after: 'rewritten' }]
}

function walk(before: unknown, after: unknown, path: string, changes: SchemaChange[]): void {
  if (JSON.stringify(before) === JSON.stringify(after)) return
  if (isMap(before) && isMap(after)) {
    for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
      // Below `properties` a key is a field's name, whatever it is called.
      const isField = path.endsWith('/properties') || path.endsWith('/refers') || path.endsWith('/$defs')
      if (!isField && silent.has(key)) continue
      walk(before[key], after[key], `${path}/${escaped(key)}`, changes)
    }
    return
  }
  const keyword = path.slice(path.lastIndexOf('/') + 1)
  const isField = /\/properties\/[^/]+$/.test(path)
  const was = factOf(keyword, before, isField)
  const is = factOf(keyword, after, isField)
  changes.push({
    setting: path === '' ? '/' : path,
    direction: direction(keyword, isField, before, after, was, is),
    before: was,
    after: is,
  })
}

function direction(
  keyword: string,
  isField: boolean,
  before: unknown,
  after: unknown,
  was: Fact | undefined,
  is: Fact | undefined,
): Direction {
  // Whether a new field opens or narrows hangs on what was said of unknown ones.
  if (isField) return 'other'
  const known = directionOf(`schema.x.${keyword}`, was, is)
  if (known !== 'other') return known
  // Any other keyword narrows by being there.
  if (keyword === 'pattern' || keyword === 'const' || keyword === 'format' || keyword === 'not') {
    return before === undefined ? 'stronger' : after === undefined ? 'weaker' : 'other'
  }
  return 'other'
}

/** A keyword's value as a fact; what is absent stands for what it means by default. */
function factOf(keyword: string, value: unknown, isField: boolean): Fact | undefined {
  if (isField) return value === undefined ? undefined : 'a schema'
  if (keyword === 'additionalProperties' || keyword === 'unevaluatedProperties') {
    return value === undefined ? true : typeof value === 'boolean' ? value : 'a schema'
  }
  if (keyword === 'uniqueItems') return value === true
  if (keyword === 'type' && typeof value === 'string') return [value]
  if (value === undefined || value === null) return undefined
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value
  if (Array.isArray(value)) return value.map((item) => (typeof item === 'string' ? item : JSON.stringify(item)))
  return 'a schema'
}

function isMap(value: unknown): value is Exclude<JsonSchema, boolean> {
  return value !== null && typeof value === 'object' && !Array.isArray(value)
}

/** RFC 6901, section 3. */
function escaped(key: string): string {
  return key.replaceAll('~', '~0').replaceAll('/', '~1')
}
