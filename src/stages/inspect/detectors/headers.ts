import { has } from '../character-classes.js'
import type { Detector, Finding, View } from '../view.js'

/*
 * Stops: line breaks that add a header, a second response or a second request where a value is put into a head.
 * How: a carriage return or line feed, then a header's name with its colon, a status line or a request line. Bodies with
 *   several lines of text are judged more mildly than parameters, which have no business with lines.
 * Limits: a line break with text of no known header passes in a body.
 */
export const crlf: Detector = {
  name: 'crlf',
  lexer: { chars: has.carriageReturn | has.lineFeed | has.semicolon, find: findLine },
}

const headerLine =
  /[\r\n][\s]{0,8}(?:(?:content-(?:type|length|disposition|encoding|location)|set-cookie2?|location|refresh|transfer-encoding|x-[a-z-]{2,30}|access-control-[a-z-]{4,30}|www-authenticate|status|host|referer|connection|cookie|cache-control|link|last-modified|server|expires)\s{0,3}:|http\/[01]\.\d(?:\s|$)|(?:get|post|head|put|delete|options|trace) [/h][^\s]{0,200} http\/)/y
const anyHeader = /[\r\n][\s]{0,4}[a-z][a-z-]{2,30}: ?\S/y

function findLine(view: View): Finding | null {
  const { lower, home } = view
  if (
    view.name === 'content-type' &&
    home === 'header' &&
    /;.{0,60}\b(?:application|text|image|audio|video|multipart)\/[a-z]/.test(lower.slice(0, 400))
  ) {
    return { technique: 'two media types', at: lower.indexOf(';') }
  }
  let at = nextBreak(lower, 0)
  let lines = 0
  const strictPlace =
    home === 'query' ||
    home === 'header' ||
    home === 'cookie' ||
    home === 'path' ||
    home === 'key' ||
    home === 'file-name'
  while (at !== -1) {
    headerLine.lastIndex = at
    if (headerLine.test(lower) && (strictPlace || isFirstHeader(view, at, lines)))
      return { technique: 'header line', at }
    if (home === 'header' || home === 'path' || home === 'file-name') return { technique: 'line break', at }
    if (home === 'query' || home === 'cookie') {
      anyHeader.lastIndex = at
      if (/^[\r\n]{2,4}\s{0,4}</.test(lower.slice(at, at + 10)) && at < 120) return { technique: 'split response', at }
      if (lines === 0 && at < 120 && anyHeader.test(lower) && !lower.slice(0, at).includes(' ') && lower.length < 200)
        return { technique: 'header line', at }
    }
    lines++
    at = nextBreak(lower, at + 1)
  }
  return null
}

function nextBreak(text: string, from: number): number {
  for (let i = from; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === 10 || code === 13) return i
  }
  return -1
}

/** In a body: a header right behind a short first line without words, as a value for a head would be. */
function isFirstHeader(view: View, at: number, lines: number): boolean {
  if (lines > 2 || at > 80) return false
  const before = view.lower.slice(0, at).trim()
  // A record of names and values, as calendars and address books write them, begins with a name.
  if (/^[a-z][\w-]{1,24}:/.test(before)) return false
  return before.length <= 60 && !/[a-z] [a-z]/.test(before)
}

/*
 * Stops: recipients, headers and SMTP or IMAP commands smuggled into mail: `a@b.c\nBcc: x@y.z`.
 * How: a line break and a mail header with an address, a MIME part, or a command of the protocols.
 * Limits: a mail stored as a whole (several lines of headers from its first line on) passes.
 */
export const mail: Detector = {
  name: 'mail',
  lexer: {
    words: [
      'bcc:',
      'cc:',
      'to:',
      'from:',
      'rcpt to',
      'mail from',
      'subject:',
      'capability',
      'logout',
      'select ',
      'noop',
      'fetch',
      'login',
      'ehlo',
      'helo',
      'reply-to:',
      'mime-version',
    ],
    wordsNeed: has.carriageReturn | has.lineFeed,
    find: findMail,
  },
}

const mailLine =
  /[\r\n]\s{0,4}(?:(?:b?cc|to|from|reply-to|subject|mime-version)\s{0,3}:\s{0,4}[^\r\n]{0,80}|rcpt to\s{0,2}:|mail from\s{0,2}:|data[\r\n]|(?:helo|ehlo|quit)\b|[a-z]\d{1,4} (?:capability|logout|select|fetch|login|delete|create|list|noop)\b)/y

function findMail(view: View): Finding | null {
  const { lower } = view
  for (let at = nextBreak(lower, 0); at !== -1; at = nextBreak(lower, at + 1)) {
    mailLine.lastIndex = at
    const found = mailLine.exec(lower)
    if (found === null) continue
    if (/rcpt to|mail from/.test(found[0])) return { technique: 'mail command', at }
    // Further down, it is the text of a mail rather than an address with something behind it.
    if (at > 200) continue
    const first = lower.slice(0, at).trim()
    if (first.length > 80 || /^[a-z-]{2,20}:/.test(first)) continue
    if (
      /^\s{1,6}(?:b?cc|to|reply-to)\s{0,3}:/.test(found[0]) &&
      found[0].includes('@') &&
      /^\S{0,60}@|^\S{0,40}$/.test(first)
    ) {
      return { technique: 'mail header', at }
    }
    if (/\s[a-z]\d{1,4} /.test(found[0])) return { technique: 'mail command', at }
    if (/subject|from|mime-version/.test(found[0]) && /^\S{1,60}@\S{1,60}$/.test(first))
      return { technique: 'mail header', at }
  }
  return null
}
