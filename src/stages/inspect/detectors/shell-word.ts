import { isWordAt } from './near.js'

/** The next word as a shell would run it. */
export interface Word {
  readonly name: string
  readonly end: number
  /** Whether quotes, carets or variables hid it. */
  readonly hidden: boolean
  readonly path: boolean
}

/** Longest word that is read behind a separator. */
export const maxWord = 64

/** The next word as a shell reads it: quotes, carets, backslashes and empty variables vanish, a path keeps its last part. */
export function readWord(text: string, from: number): Word {
  let at = from
  let name = ''
  let hidden = false
  let path = false
  while (at < text.length && at - from < maxWord) {
    const code = text.charCodeAt(at)
    if (
      code <= 32 ||
      code === 59 ||
      code === 124 ||
      code === 38 ||
      code === 60 ||
      code === 62 ||
      code === 41 ||
      code === 40 ||
      code === 43 ||
      code === 44
    )
      break
    if (code === 96 && text.charCodeAt(at + 1) === 96 && name !== '') {
      hidden = true
      at += 2
      continue
    }
    if (code === 96 && at > from) break
    if (code === 39 || code === 34) {
      // A quote at the end belongs to the host's text: 'id' is a command in quotes, id' is the end of one.
      if (isWordAt(text, at + 1) && name !== '') hidden = true
      at++
      continue
    }
    if (code === 92 || code === 94) {
      if (isWordAt(text, at + 1) && name !== '') hidden = true
      if (code === 92 && at > from && path === false && /^[a-z]:/.test(name)) {
        path = true
        name = ''
      }
      at++
      continue
    }
    if (code === 36) {
      const variable = /^\$(?:[@*#?!\d_]|\{[^}\s]{0,24}\}|[a-z_]{1,3}(?=[^a-z]|$)|\([^)\s]{0,12}\))/.exec(
        text.slice(at, at + 30),
      )
      if (variable === null) break
      hidden = name !== ''
      at += variable[0].length
      continue
    }
    if (code === 47) {
      path = true
      name = ''
      at++
      continue
    }
    name += text.charAt(at)
    at++
  }
  return { name, end: at, hidden, path }
}

/** Whether a sign may stand in a row of separators. */
export const isRun = (code: number): boolean => code === 59 || code === 124 || code === 38 || code === 32

/** What a command's arguments begin with and prose does not. */
export const argument =
  /(?:[-/\\.~$*|;&<>`"'{(%]|\d|[a-z]:(?:[\\/+]|$)|[a-z0-9-]{1,30}\.[a-z0-9.-]{2,}|[a-z]{1,12}=|\\|@|[\w-]{1,20}[/\\])/y

/** Characters between a separator and its command: blanks, more separators, brackets, plus signs of a form, quotes. */
export function isJoint(code: number): boolean {
  return (
    code <= 32 ||
    code === 59 ||
    code === 124 ||
    code === 38 ||
    code === 43 ||
    code === 40 ||
    code === 123 ||
    code === 33 ||
    code === 64 ||
    code === 39 ||
    code === 34 ||
    code === 36
  )
}
