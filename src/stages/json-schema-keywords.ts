/**
 * Set beside every `type: integer` when a schema is planned: a whole number beyond 2^53 is refused there, because its
 * double may be another number than its text.
 */
export const exactInteger = 'x-postern-exact-integer'

/** Keywords whose value is a schema. */
export const schemaKeywords: ReadonlySet<string> = new Set([
  'additionalItems',
  'additionalProperties',
  'contains',
  'contentSchema',
  'else',
  'if',
  'items',
  'not',
  'propertyNames',
  'then',
  'unevaluatedItems',
  'unevaluatedProperties',
])

/** Keywords whose value is a list of schemas; `items` may be one too. */
export const schemaListKeywords: ReadonlySet<string> = new Set(['allOf', 'anyOf', 'items', 'oneOf', 'prefixItems'])

/** Keywords whose value holds schemas by name; `dependencies` may also hold lists of names. */
export const schemaMapKeywords: ReadonlySet<string> = new Set([
  '$defs',
  'definitions',
  'dependencies',
  'dependentSchemas',
  'patternProperties',
  'properties',
])

/** Keywords that judge the same value again, not a part of it: a circle of these alone never ends. */
export const inPlaceKeywords: ReadonlySet<string> = new Set([
  'allOf',
  'anyOf',
  'dependencies',
  'dependentSchemas',
  'else',
  'if',
  'not',
  'oneOf',
  'then',
])

/** Every keyword of the three dialects, for finding misspelt ones. */
export const allKeywords: ReadonlySet<string> = new Set([
  ...schemaKeywords,
  ...schemaListKeywords,
  ...schemaMapKeywords,
  ...['$anchor', '$comment', '$dynamicAnchor', '$dynamicRef', '$id', '$recursiveAnchor', '$recursiveRef', '$ref'],
  ...['$schema', '$vocabulary', 'const', 'contentEncoding', 'contentMediaType', 'default', 'dependentRequired'],
  ...['deprecated', 'description', 'enum', 'examples', 'exclusiveMaximum', 'exclusiveMinimum', 'format', 'maxContains'],
  ...['maxItems', 'maxLength', 'maxProperties', 'maximum', 'minContains', 'minItems', 'minLength', 'minProperties'],
  ...['minimum', 'multipleOf', 'pattern', 'readOnly', 'required', 'title', 'type', 'uniqueItems', 'writeOnly'],
  ...['discriminator', 'example', 'externalDocs', 'nullable', 'xml'], // OpenAPI
])

/**
 * Whether values are whole multiples of a divisor, both taken as the decimals they were written as. Ajv divides doubles,
 * where 19.99 is no multiple of 0.01.
 */
export function multipleOf(divisor: number): (value: number) => boolean {
  const { digits, exponent } = toDecimal(divisor)
  // Up to 10^22, powers of ten are exact doubles.
  const scale = exponent <= 0 && exponent >= -22 ? 10 ** -exponent : 0
  const scaled = Number(digits)
  if (scale === 0 || scaled > Number.MAX_SAFE_INTEGER) return (value) => isMultiple(value, digits, exponent)
  return (value) => {
    const whole = Math.round(value * scale)
    // Decimals of up to 15 digits have a double each: if `whole / scale` is this double, that is the decimal it means,
    // and if not, it has more places than any multiple of the divisor.
    if (whole < 1e15 && whole > -1e15) return whole / scale === value && whole % scaled === 0
    return isMultiple(value, digits, exponent)
  }
}

function isMultiple(value: number, digits: bigint, exponent: number): boolean {
  if (!Number.isFinite(value)) return false
  const a = toDecimal(value)
  // Doubles end near 1e±308, so the powers stay below 650 digits.
  const shift = 10n ** BigInt(Math.abs(a.exponent - exponent))
  return a.exponent >= exponent ? (a.digits * shift) % digits === 0n : a.digits % (digits * shift) === 0n
}

/** The shortest decimal that reads back as this double: `19.99` is 1999 × 10^-2. */
function toDecimal(value: number): { readonly digits: bigint; readonly exponent: number } {
  const [mantissa = '0', power = '0'] = String(Math.abs(value)).split('e')
  const [whole = '0', fraction = ''] = mantissa.split('.')
  return { digits: BigInt(whole + fraction), exponent: Number(power) - fraction.length }
}

/** Whether no two items are equal, in one pass: items are compared by one canonical text each. */
export function hasUniqueItems(wanted: boolean, items: readonly unknown[]): boolean {
  if (!wanted || items.length < 2) return true
  const seen = new Set<unknown>()
  for (const item of items) {
    // The text of an object or array begins with a bracket; strings get a letter in front, so none can be taken for it.
    const key =
      typeof item === 'string' ? `s${item}` : typeof item === 'object' && item !== null ? canonical(item) : item
    if (seen.has(key)) return false
    seen.add(key)
  }
  return true
}

/** A JSON text with sorted keys: equal values have equal texts. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null'
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return `{${members.map(([key, item]) => `${JSON.stringify(key)}:${canonical(item)}`).join(',')}}`
}
