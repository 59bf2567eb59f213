/** Whether a sticky pattern fits at a place. Patterns here are bounded in every quantifier, so that one try is cheap. */
export function fits(pattern: RegExp, text: string, at: number): boolean {
  pattern.lastIndex = at
  return pattern.test(text)
}

/** The index of the first character at or after a place that is no blank. */
export function skipBlanks(text: string, from: number): number {
  let at = from
  while (at < text.length && text.charCodeAt(at) <= 32) at++
  return at
}

/** The characters before a place: enough for every rule that looks back, and bounded. */
export function lead(text: string, at: number, count = 80): string {
  return text.slice(Math.max(0, at - count), at)
}

/** Where a text occurs within the next few hundred characters, or -1. */
export function indexWithin(text: string, part: string, from: number, count = 400): number {
  const found = text.slice(from, from + count).indexOf(part)
  return found === -1 ? -1 : from + found
}

/** Whether a letter, digit or underscore stands at a place. */
export function isWordAt(text: string, at: number): boolean {
  const code = text.charCodeAt(at)
  return (code >= 97 && code <= 122) || (code >= 48 && code <= 57) || code === 95 || (code >= 65 && code <= 90)
}
