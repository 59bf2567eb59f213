/**
 * Whether a double says what a JSON number's text says, as far as a reader could be misled: it is finite, and it is a
 * whole number only when the text is one. `1e400` and `1e-400`, `1.00000000000000000001` are refused: another parser
 * (decimals in Python or Java) sees a different number. Whole numbers beyond 2^53 are left to the schema, which knows
 * whether it asked for an integer. Text that is no number at all is left to whoever parses it.
 */
export function isExactNumber(text: string): boolean {
  const value = Number(text)
  if (Number.isNaN(value)) return true
  if (!Number.isFinite(value)) return false
  return !Number.isInteger(value) || isWhole(text)
}

/** Whether `-12.50e3` is a whole number, by its digits alone. */
function isWhole(text: string): boolean {
  const lower = text.toLowerCase()
  const e = lower.indexOf('e')
  const mantissa = e === -1 ? lower : lower.slice(0, e)
  const exponent = e === -1 ? 0 : Number(lower.slice(e + 1))
  const dot = mantissa.indexOf('.')
  const fractionDigits = dot === -1 ? 0 : mantissa.length - dot - 1
  let trailingZeros = 0
  for (let i = mantissa.length - 1; i >= 0; i--) {
    const char = mantissa.charCodeAt(i)
    if (char === 0x2e) continue
    if (char >= 0x31 && char <= 0x39) return exponent - fractionDigits + trailingZeros >= 0
    trailingZeros++
  }
  return true // nothing but zeros
}
