/** A piece of a text that looks like a credential. */
export interface SecretLike {
  readonly start: number
  readonly end: number
  /** What it seems to be: `an AWS access key`. */
  readonly kind: string
}

/** Beginnings that issuers of credentials have agreed on, each with the least length of the whole. */
const marks: readonly { readonly start: string; readonly least: number; readonly kind: string }[] = [
  { start: 'AKIA', least: 20, kind: 'an AWS access key' },
  { start: 'ASIA', least: 20, kind: 'a temporary AWS access key' },
  { start: 'AIza', least: 35, kind: 'a Google API key' },
  { start: 'ya29.', least: 30, kind: 'a Google access token' },
  { start: 'GOCSPX-', least: 24, kind: 'a Google client secret' },
  { start: 'ghp_', least: 36, kind: 'a GitHub token' },
  { start: 'gho_', least: 36, kind: 'a GitHub token' },
  { start: 'ghu_', least: 36, kind: 'a GitHub token' },
  { start: 'ghs_', least: 36, kind: 'a GitHub token' },
  { start: 'ghr_', least: 36, kind: 'a GitHub token' },
  { start: 'github_pat_', least: 40, kind: 'a GitHub token' },
  { start: 'glpat-', least: 20, kind: 'a GitLab token' },
  { start: 'npm_', least: 36, kind: 'an npm token' },
  { start: 'sk_live_', least: 20, kind: 'a Stripe key' },
  { start: 'rk_live_', least: 20, kind: 'a Stripe key' },
  { start: 'sk_test_', least: 20, kind: 'a Stripe key' },
  { start: 'whsec_', least: 20, kind: 'a webhook secret' },
  { start: 'xoxb-', least: 20, kind: 'a Slack token' },
  { start: 'xoxp-', least: 20, kind: 'a Slack token' },
  { start: 'xapp-', least: 20, kind: 'a Slack token' },
  { start: 'sk-ant-', least: 30, kind: 'an API key' },
  { start: 'sk-proj-', least: 30, kind: 'an API key' },
  { start: 'hf_', least: 30, kind: 'an API key' },
  { start: 'SG.', least: 40, kind: 'a SendGrid key' },
  { start: 'hvs.', least: 24, kind: 'a Vault token' },
  { start: 'dop_v1_', least: 40, kind: 'a DigitalOcean token' },
  { start: 'pst_', least: 40, kind: 'an API key of this gateway' },
  { start: 'eyJ', least: 60, kind: 'a token' },
]

const byFirst = new Map<number, (typeof marks)[number][]>()
for (const mark of marks) {
  const first = mark.start.charCodeAt(0)
  byFirst.set(first, [...(byFirst.get(first) ?? []), mark])
}

const pem = '-----BEGIN '
/** Shorter words are names; nobody can tell them from a secret. */
const leastLength = 24
/** Bits a character. Names and paths stay below 4; base64 of random bytes of this length is above. */
const leastEntropy = 4

/**
 * Finds what looks like a credential in a text: known beginnings, private keys, passwords in URLs, and long words of
 * mixed letters and digits that are too even to be a name. One pass, linear in the text.
 */
export function secretsIn(text: string): SecretLike[] {
  const found: SecretLike[] = []
  for (let at = text.indexOf(pem); at !== -1; at = text.indexOf(pem, at + pem.length)) {
    const line = text.slice(at, at + 60).split('\n', 1)[0] ?? ''
    if (line.includes('PRIVATE KEY')) found.push({ start: at, end: at + line.trimEnd().length, kind: 'a private key' })
  }
  let at = 0
  while (at < text.length) {
    if (!isWord(text.charCodeAt(at))) {
      at++
      continue
    }
    const start = at
    while (at < text.length && isWord(text.charCodeAt(at))) at++
    const kind = kindOf(text, start, at)
    if (kind !== undefined) found.push({ start, end: at, kind })
  }
  for (const each of passwordsIn(text)) found.push(each)
  return found.sort((a, b) => a.start - b.start)
}

function kindOf(text: string, start: number, end: number): string | undefined {
  const length = end - start
  if (length < 16) return undefined
  for (const mark of byFirst.get(text.charCodeAt(start)) ?? []) {
    if (length >= mark.least && text.startsWith(mark.start, start) && hasDigit(text, start + mark.start.length, end))
      return mark.kind
  }
  if (length < leastLength || length > 512) return undefined
  return isRandom(text.slice(start, end)) ? 'random' : undefined
}

/** Letters of both cases and digits, evenly spread: neither a name, nor a path, nor hexadecimal. */
function isRandom(word: string): boolean {
  // A path, a host or a name has parts; what has many short ones is no secret.
  const parts = word.split(/[-_./+=]/)
  if (Math.max(...parts.map(({ length }) => length)) < 16) return false
  if (!/[a-z]/.test(word) || !/[A-Z]/.test(word) || (word.match(/[0-9]/g)?.length ?? 0) < 2) return false
  if (/[A-Z][a-z]{5,}[A-Z][a-z]{5,}/.test(word)) return false
  const counts = new Map<string, number>()
  for (const character of word) counts.set(character, (counts.get(character) ?? 0) + 1)
  let bits = 0
  for (const count of counts.values()) bits -= (count / word.length) * Math.log2(count / word.length)
  return bits >= leastEntropy
}

/** `scheme://user:password@host`, unless the password is a reference to a secret. */
function* passwordsIn(text: string): Generator<SecretLike> {
  for (let at = text.indexOf('://'); at !== -1; at = text.indexOf('://', at + 3)) {
    let end = at + 3
    // A password of more than 256 characters is found as a long word.
    while (end < text.length && end < at + 259 && !/[\s/"'@<>{}]/.test(text[end] ?? '')) end++
    if (text[end] !== '@') continue
    const colon = text.indexOf(':', at + 3)
    if (colon === -1 || colon + 1 >= end) continue
    yield { start: colon + 1, end, kind: 'a password in a URL' }
  }
}

function hasDigit(text: string, from: number, to: number): boolean {
  for (let i = from; i < to; i++) {
    const code = text.charCodeAt(i)
    if (code >= 48 && code <= 57) return true
  }
  return false
}

/** What a credential is made of: base64, base64url, and the dots of tokens. */
function isWord(code: number): boolean {
  return (
    (code >= 48 && code <= 57) ||
    (code >= 65 && code <= 90) ||
    (code >= 97 && code <= 122) ||
    code === 43 || // +
    code === 45 || // -
    code === 46 || // .
    code === 47 || // /
    code === 61 || // =
    code === 95 // _
  )
}
