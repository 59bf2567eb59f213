/** A tag of a text read as HTML: its lower-case name and its attributes, as browsers would find them. */
export interface Tag {
  readonly name: string
  readonly attributes: readonly { readonly name: string; readonly value: string }[]
  readonly start: number
  /** After the `>`, or the end of the text. */
  readonly end: number
  readonly closing: boolean
}

/** Attributes that one tag may have before the rest is left unread; no browser page comes near. */
const maxAttributes = 64

const isLetter = (code: number): boolean => code >= 97 && code <= 122
const isBlank = (code: number): boolean => code <= 32
const isNameEnd = (code: number): boolean => code <= 32 || code === 47 || code === 62

/**
 * The tag that opens at a `<`, or null when browsers would show that sign as text. Quotes, slashes and missing ends are
 * read as the HTML standard has it (section 13.2.5), so that tricks with them find the attributes a browser finds.
 */
export function readTag(text: string, start: number): Tag | null {
  let at = start + 1
  const closing = text.charCodeAt(at) === 47
  if (closing) at++
  if (!isLetter(text.charCodeAt(at))) return null
  const nameStart = at
  while (at < text.length && !isNameEnd(text.charCodeAt(at)) && text.charCodeAt(at) !== 60 && at - nameStart < 64) at++
  const name = text.slice(nameStart, at)
  const attributes: { name: string; value: string }[] = []
  while (at < text.length && attributes.length < maxAttributes) {
    while (at < text.length && (isBlank(text.charCodeAt(at)) || text.charCodeAt(at) === 47)) at++
    if (at >= text.length) break
    if (text.charCodeAt(at) === 62) {
      at++
      break
    }
    const from = at
    at++
    while (at < text.length && !isNameEnd(text.charCodeAt(at)) && text.charCodeAt(at) !== 61) at++
    const attribute = text.slice(from, at)
    let after = at
    while (after < text.length && isBlank(text.charCodeAt(after))) after++
    if (text.charCodeAt(after) !== 61) {
      attributes.push({ name: attribute, value: '' })
      continue
    }
    after++
    while (after < text.length && isBlank(text.charCodeAt(after))) after++
    const quote = text.charCodeAt(after)
    if (quote === 34 || quote === 39) {
      const close = text.indexOf(quote === 34 ? '"' : "'", after + 1)
      const end = close === -1 ? text.length : close
      attributes.push({ name: attribute, value: text.slice(after + 1, end) })
      at = close === -1 ? text.length : close + 1
    } else {
      const valueStart = after
      while (after < text.length && !isBlank(text.charCodeAt(after)) && text.charCodeAt(after) !== 62) after++
      attributes.push({ name: attribute, value: text.slice(valueStart, after) })
      at = after
    }
  }
  return { name, attributes, start, end: at, closing }
}
