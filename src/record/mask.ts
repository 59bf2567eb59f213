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
const schemes = /\b(?:bearer|basic|dpop|token|apikey|digest|negotiate)[ \t]{1,4}$/i

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
    if (!isKeyCharacter(text.charCodeAt(at))) {
      at++
      continue
    }
    const start = at
    let end = at
    while (end < text.length && isKeyCharacter(text.charCodeAt(end))) end++
    at = end
    const secret = (open && end === text.length) || isSecret(text, start, end)
    if (secret === false) continue
    const from = typeof secret === 'number' ? secret : start
    result += text.slice(copied, from) + mask
    copied = end
  }
  return copied === 0 ? withoutPem(text) : withoutPem(result + text.slice(copied))
}

/** False, true (the whole run), or where in the text the secret begins. */
function isSecret(text: string, start: number, end: number): boolean | number {
  const run = text.slice(start, end)
  if (run.length >= 16 && looksLikeKey(run)) return true
  const before = text.slice(Math.max(0, start - lookBack), start)
  if (endsWithBlank(before) && schemes.test(before)) return true
  if (endsLikeAssignment(before) && named.test(before)) return true
  // `=` is a key character (base64 padding), so `token=abc` is one run: look at what stands before its first `=`.
  const equals = run.indexOf('=')
  if (equals < 1 || equals === run.length - 1) return false
  return named.test(run.slice(Math.max(0, equals + 1 - lookBack), equals + 1)) ? start + equals + 1 : false
}

function endsWithBlank(before: string): boolean {
  return before.endsWith(' ') || before.endsWith('\t')
}

function endsLikeAssignment(before: string): boolean {
  const last = before.charAt(before.length - 1)
  return last === '"' || last === "'" || last === ':' || last === '=' || last === ' ' || last === '\t'
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
    c === 61 ||
    c === 126
  )
}

const pemStart = /-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----/

function withoutPem(text: string): string {
  if (!text.includes('-----BEGIN ')) return text
  const found = pemStart.exec(text)
  return found === null ? text : `${text.slice(0, found.index)}${mask}`
}
