import { formatByteSize, parseByteSize } from '../../values/byte-size.js'
import type { Planned, Scope, Section } from '../contract.js'
import { planSchema } from '../json-schema-plan.js'
import type { ResponseSettings } from './settings.js'

const builtInBytes = 1024 * 1024
/** An answer that is read is held in memory, and JSON takes several times its length. */
const mostBytes = 64 * 1024 * 1024

/** Plans the `response` step of a route: one, or two where the schema only reports. */
export function resolve(policy: Section, scope: Scope): readonly Planned<ResponseSettings>[] {
  const section = policy.get('response')
  const mode = section.get('mode').value ?? 'enforce'
  const schemaSection = section.get('schema')
  const schema =
    schemaSection.value === undefined || mode === 'off' ? null : (planSchema(schemaSection, scope, 'response') ?? null)
  const { value: security } = section.get('headers', 'security')
  const { value: remove } = section.get('headers', 'remove')
  const settings: Omit<ResponseSettings, 'part'> = {
    errors: section.get('errors').value === 'pass' ? 'pass' : 'mask',
    security: security === 'off' || security === false ? null : security === 'basic' ? 'basic' : 'strict',
    remove: Array.isArray(remove) ? remove.map((name) => String(name).toLowerCase()) : ['server', 'x-powered-by'],
    hasCors: policy.get('cors', 'origins').value !== undefined,
    schema,
    redact: pointersOf(section.get('redact').value),
    maxBytes: sizeOf(section.get('maxBytes'), scope),
    upstream: String(policy.get('upstream').value),
  }
  const step = (part: ResponseSettings['part'], stepMode: 'enforce' | 'report'): Planned<ResponseSettings> => ({
    slot: 'response',
    mode: stepMode,
    settings: { part, ...settings },
    declaredAt: part === 'schema' ? schemaSection.keyPlace : section.keyPlace,
  })
  // The schema is the function's promise, so it is held against what the function said, before anything is taken out.
  if (schema !== null && mode === 'report') return [step('schema', 'report'), step('guards', 'enforce')]
  return [step('all', 'enforce')]
}

/** RFC 6901 section 4 */
function pointersOf(value: unknown): readonly (readonly string[])[] {
  if (!Array.isArray(value)) return []
  return value.map((place) =>
    String(place)
      .slice('body:/'.length)
      .split('/')
      .map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~')),
  )
}

function sizeOf(size: Section, scope: Scope): number {
  if (typeof size.value !== 'string') return builtInBytes
  const bytes = parseByteSize(size.value)
  if (bytes !== null && bytes > 0 && bytes <= mostBytes) return bytes
  scope.report({
    code: 'response.size-unreadable',
    message: `An answer that is read has between 1B and ${formatByteSize(mostBytes)}.`,
    hint: 'For example 1MiB, which is what stands without it.',
    at: size.place,
  })
  return builtInBytes
}
