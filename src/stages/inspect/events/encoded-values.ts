import { type EventField, eventFields } from './shapes.js'
import { unpackText } from './unpack.js'

/** A value of an event as its platform's consumer will see it. */
export interface EventValue {
  readonly tokens: readonly (string | number)[]
  /** Null: it unpacks to more than may be unpacked. */
  readonly text: string | null
  /** The platform and how it wrote the value: `kinesis, base64`. */
  readonly how: string
}

/**
 * The encoded fields of an event, decoded as its platform encodes them; a value that is no such encoding is left out, for
 * it has been inspected as it stands. One walk over what the shapes name; nothing else of the event is touched.
 */
export function* encodedValues(event: unknown): Generator<EventValue> {
  for (const field of eventFields) yield* valuesOf(event, field, 0, [], false)
}

function* valuesOf(
  value: unknown,
  field: EventField,
  depth: number,
  tokens: readonly (string | number)[],
  hadBeside: boolean,
): Generator<EventValue> {
  const step = field.at[depth]
  if (step === undefined) {
    if (hadBeside) yield* decoded(value, field, tokens)
    return
  }
  if (typeof value !== 'object' || value === null) return
  const isBeside = hadBeside || Object.hasOwn(value, field.beside)
  if (step !== '*') {
    const inner = Object.hasOwn(value, step) ? (value as Readonly<Record<string, unknown>>)[step] : undefined // parsed JSON
    if (inner !== undefined) yield* valuesOf(inner, field, depth + 1, [...tokens, step], isBeside)
    return
  }
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) yield* valuesOf(value[i], field, depth + 1, [...tokens, i], isBeside)
  } else {
    for (const [key, inner] of Object.entries(value)) {
      yield* valuesOf(inner, field, depth + 1, [...tokens, key], isBeside)
    }
  }
}

function* decoded(
  value: unknown,
  { platform, written }: EventField,
  tokens: readonly (string | number)[],
): Generator<EventValue> {
  if (written === 'bytes') {
    // Kafka hands header values on as lists of signed bytes.
    if (!Array.isArray(value) || !value.every((byte) => typeof byte === 'number')) return
    yield { tokens, text: Buffer.from(value.map((byte) => byte & 255)).toString('utf8'), how: `${platform}, bytes` }
    return
  }
  if (typeof value !== 'string' || value.length < 2) return
  if (written === 'url') {
    // Blanks may be plus signs; percent signs are undone in any case.
    if (value.includes('+')) yield { tokens, text: value.replaceAll('+', ' '), how: `${platform}, form` }
    return
  }
  const how = `${platform}, base64`
  for (const text of unpackText(value) ?? [null]) yield { tokens, text, how }
}
