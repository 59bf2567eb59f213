const mask = '[masked]'

/** How the makers of keys mark them. A run of key characters that begins so is a secret from 16 characters on. */
const prefixes = [
  'AKIA',
  'ASIA',
  'AIza',
  'ghp_',
  'gho_',
  'ghs_',
  'ghu_',
  'ghr_',
  'github_pat_',
  'glpat-',
  'npm_',
  'sk-',
  'sk_live_',
  'sk_test_',
  'rk_live_',
  'rk_test_',
  'pk_live_',
  'whsec_',
  'xoxa-',
  'xoxb-',
  'xoxp-',
  'xoxs-',
  'hvs.',
  'pst_',
] as const

/** Authentication schemes whose next word is a credential, however short. */
const schemes = /\b(?:bearer|basic|dpop|apikey|negotiate)[ \t]{1,4}$/i

/** Names whose value is a secret in `name=value`, `"name":"value"`, `name: value`. */
const named =
  /(?:pass(?:word|wd|phrase)?|pwd|secret|api[_-]?key|access[_-]?key|private[_-]?key|(?:access|refresh|id|auth|session|csrf)[_-]?token|token|authorization|client[_-]?secret|sig(?:nature)?|credential|cookie|session[_-]?id)["']{0,2}[ \t]{0,4}(?:=|:|%3[dD])[ \t]{0,4}["']{0,2}$/i

// The longest text that either pattern looks back over; keeps every look-back bounded and the whole linear.
const lookBack = 40

/**
 * The text with what looks like a credential masked: JWTs, long hex and base64, keys with a known prefix, the word after
 * `Bearer`, the value after `password=`, and private keys in PEM. UUIDs and ordinary words stay. One pass over runs of
 * key characters with a bounded look-back: linear, whatever the text.
 * @param open the text goes on beyond its end, so a run that touches the end is masked whatever it looks like.
 */
export function maskSecrets(text: string, open: boolean): string {
  let result = ''
  let copied = 0
  let at = 0
  while (at < text.length) {
    const c = text.charCodeAt(at)
    if (!isKeyCharacter(c)) {
      at += c === 37 ? 3 : 1 // an escape (`%3D`) is one character, and begins no run
      continue
    }
    const start = at
    while (at < text.length && isKeyCharacter(text.charCodeAt(at))) at++
    const end = at
    if (!(open && end === text.length) && !isSecret(text, start, end)) continue
    result += text.slice(copied, start) + mask
    copied = end
    // The padding of base64 belongs to it; any other `=` parts a name from its value.
    while (copied < end + 2 && text.charCodeAt(copied) === 61) copied++
    at = copied
  }
  return copied === 0 ? withoutPem(text) : withoutPem(result + text.slice(copied))
}

function isSecret(text: string, start: number, end: number): boolean {
  if (end - start >= 16 && looksLikeKey(text.slice(start, end))) return true
  if (start === 0) return false
  const before = text.slice(Math.max(0, start - lookBack), start)
  return (endsWithBlank(before) && schemes.test(before)) || (endsLikeAssignment(before) && named.test(before))
}

function endsWithBlank(before: string): boolean {
  return before.endsWith(' ') || before.endsWith('\t')
}

/** Whether `=`, `:` or `%3D` stands at the end, before blanks and quotes: most words are done here. */
function endsLikeAssignment(before: string): boolean {
  let at = before.length - 1
  while (at >= 0 && isBlankOrQuote(before.charCodeAt(at))) at--
  const last = before.charAt(at)
  return last === ':' || last === '=' || ((last === 'D' || last === 'd') && before.startsWith('%3', at - 2))
}

function isBlankOrQuote(c: number): boolean {
  return c === 32 || c === 9 || c === 34 || c === 39
}

function looksLikeKey(run: string): boolean {
  for (const part of run.split('/')) {
    if (part.length < 16) continue
    if (prefixes.some((prefix) => part.startsWith(prefix))) return true
    if (part.length >= 24 && part.startsWith('eyJ') && part.includes('.')) return true
  }
  return run.length >= 28 && run.split('.').some(isDense)
}

/** A long piece without words: hex from 32 characters, base64 from 28 where upper, lower and digits mix. */
function isDense(piece: string): boolean {
  if (piece.length < 28) return false
  if (isUuid(piece)) return false
  let digits = 0
  let lower = 0
  let upper = 0
  let hex = 0
  let slashes = 0
  for (let i = 0; i < piece.length; i++) {
    const c = piece.charCodeAt(i)
    if (c >= 48 && c <= 57) {
      digits++
      hex++
    } else if (c >= 97 && c <= 122) {
      lower++
      if (c <= 102) hex++
    } else if (c >= 65 && c <= 90) {
      upper++
      if (c <= 70) hex++
    } else if (c === 47) slashes++
  }
  if (piece.length >= 32 && hex === piece.length && digits > 0) return true
  // File paths and URLs have a slash every few letters; base64 has one in 64.
  return digits >= 2 && upper >= 2 && lower >= 2 && slashes * 16 <= piece.length
}

function isUuid(piece: string): boolean {
  return piece.length === 36 && /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(piece)
}

/** What tokens and keys are written in: base64, base64url, and the dots between the parts of a JWT. */
function isKeyCharacter(c: number): boolean {
  return (
    (c >= 97 && c <= 122) ||
    (c >= 65 && c <= 90) ||
    (c >= 45 && c <= 57) || // - . / 0-9
    c === 95 ||
    c === 43 ||
    c === 126
  )
}

const pemStart = /-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----/

function withoutPem(text: string): string {
  if (!text.includes('-----BEGIN ')) return text
  const found = pemStart.exec(text)
  return found === null ? text : `${text.slice(0, found.index)}${mask}`
}
