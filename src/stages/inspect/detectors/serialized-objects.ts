import type { View } from '../view.js'

/** An object as PHP serializes it. */
export function serializedPhp(view: View, start: number, end: number): string | null {
  const before = view.lower.charAt(start - 1)
  if (before !== '' && !/[\s;{"'=,]/.test(before)) return null
  const word = view.lower.charAt(start)
  const rest = view.lower.slice(end, end + 120)
  if (word === 'o') return /^\+?\d{1,4}:"[\w\\]{1,80}":\+?\d{1,4}:\{/.test(rest) ? 'serialised PHP object' : null
  if (word === 'a')
    return /^\d{1,4}:\{(?:s:\d{1,6}:"|i:\d{1,6};)/.test(rest) &&
      /o:\d{1,4}:"/.test(view.lower.slice(start, start + 1000))
      ? 'serialised PHP object'
      : null
  return word === 'c' && /^\d{1,4}:"[\w\\]{1,80}":\d{1,6}:\{/.test(rest) ? 'serialised PHP object' : null
}

/** The first bytes of a serialized object, in base64 or hex. */
export function serializedBase64(view: View, start: number, end: number): string | null {
  const name = view.lower.slice(start, end)
  const real = view.text.slice(start, end)
  if (start !== 0 && /[A-Za-z0-9+/]/.test(view.text.charAt(start - 1))) return null
  if (name === 'ro0ab') return real === 'rO0AB' ? 'serialised Java object' : null
  if (name === 'aced0005')
    return /^(?:73|77|75|74|78)/.test(view.lower.slice(end, end + 2)) || view.lower.length === 8
      ? 'serialised Java object'
      : null
  if (name === 'kztaau' || name === 'cs7qaf')
    return real === 'KztAAU' || real === 'Cs7QAF' ? 'serialised Java object' : null
  if (name === 'ks0xb') return real === 'KztAB' || real === 'Ks0xB' ? 'serialised Java object' : null
  if (name === 'aaeaaad')
    return real === 'AAEAAAD' && /^\/{4}/.test(view.text.slice(end, end + 4)) ? 'serialised .NET object' : null
  if (name === 'gasv')
    return real === 'gASV' &&
      start === 0 &&
      view.text.length > 40 &&
      /[A-Za-z0-9+/=]{36}/.test(view.text.slice(4, 44)) &&
      /jCFBvc2l4|c3lzdGVt|YnVpbHRpbnM|c3VicHJvY2Vzcw|b3MU|cG9zaXg/.test(view.text)
      ? 'serialised Python object'
      : null
  return null
}

/** The marks that serializers of other languages leave. */
export function serializedNamed(view: View, start: number, end: number): string | null {
  const name = view.lower.slice(start, end)
  if (name.startsWith('@type') || name.startsWith('"$type'))
    return /^(?:com\.|org\.|java|sun\.|system\.|\[com|lcom)/.test(view.lower.slice(end, end + 12)) ||
      name.endsWith('system')
      ? 'type of a serialised object'
      : null
  if (view.document && !/^(?:_\$\$nd|__proto|cos|cposix|c__b)/.test(name))
    return /^(?:name|object\/apply|object:|hash|struct|object\/new|module)/.test(view.lower.slice(end, end + 14)) &&
      view.text.length < 400
      ? 'serialised object'
      : null
  return 'serialised object'
}
