import { isUtf8 } from 'node:buffer'
import type { QueryPair } from '../contract.js'
import { deny } from '../contract.js'
import { parseForm } from '../query.js'
import { reasons } from './reasons.js'
import type { BodyParser, StructureCaps } from './strict-json.js'

const invalid = deny(reasons.formInvalid)

/**
 * A parser of `application/x-www-form-urlencoded` bodies: every percent sequence is whole and UTF-8, and no NUL or raw
 * control character is in it. WHATWG URL, section 5
 */
export function strictForm(caps: StructureCaps): BodyParser {
  const tooManyFields = deny(reasons.tooManyKeys, { keys: caps.keys })
  const tooLong = deny(reasons.stringTooLong, { stringLength: caps.stringLength })
  return (bytes) => {
    let separators = 0
    for (let i = 0; i < bytes.length; i++) {
      const byte = bytes[i] as number // i < length
      if (byte < 0x20 || byte === 0x7f) return invalid
      if (byte === 0x26) separators++
    }
    if (separators >= caps.keys) return tooManyFields
    if (!isUtf8(bytes)) return invalid
    const text = bytes.toString('utf8')
    if (!isCleanlyEncoded(text)) return invalid
    const fields = parseForm(text)
    if (caps.stringLength !== null && isAnyLonger(fields, caps.stringLength)) return tooLong
    return { kind: 'form', fields }
  }
}

/** Whether every percent sequence of a query, form or path text is whole, valid UTF-8 and no NUL. */
export function isCleanlyEncoded(text: string): boolean {
  if (!text.includes('%')) return true
  if (text.includes('%00')) return false
  try {
    decodeURIComponent(text) // strict: refuses overlong forms, surrogates and cut sequences (ECMA-262, Decode)
    return true
  } catch {
    return false
  }
}

function isAnyLonger(fields: readonly QueryPair[], length: number): boolean {
  return fields.some((field) => field.name.length > length || field.value.length > length)
}
