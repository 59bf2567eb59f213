/** Characters of a URI and nothing else (RFC 3986 section 2); a parser would mend the rest in silence. */
const uriText = /^[A-Za-z0-9\-._~:/?#[\]@!$&'()*+,;=%]+$/

/**
 * A request URL as RFC 9449 section 4.3 compares it: without query and fragment, normalized by syntax and scheme (RFC
 * 3986 sections 6.2.2 and 6.2.3). Null for what is no http URL, or names a user.
 */
export function comparableUrl(text: string): string | null {
  if (text.length > 8_192 || !uriText.test(text) || !URL.canParse(text)) return null
  const { protocol, host, pathname, username, password } = new URL(text)
  if (!/^https?:$/.test(protocol) || username !== '' || password !== '' || !/^https?:\/\//i.test(text)) return null
  const path = pathname.replace(/%([0-9A-Fa-f]{2})/g, (encoded, hex: string) => {
    const character = String.fromCharCode(Number.parseInt(hex, 16))
    return /[A-Za-z0-9\-._~]/.test(character) ? character : encoded.toUpperCase()
  })
  return `${protocol}//${host}${path}`
}
