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

/** Whether a letter, digit or underscore stands at a place. */
export function isWordAt(text: string, at: number): boolean {
  const code = text.charCodeAt(at)
  return (code >= 97 && code <= 122) || (code >= 48 && code <= 57) || code === 95 || (code >= 65 && code <= 90)
}
