import type { OutgoingRequest } from '../../src/stages/contract.js'

const timeouts = { connectMs: 1_000, headersMs: 5_000, idleMs: 5_000, totalMs: 10_000 }

/** What a path may hold once the front door has let it in, and what breaks signatures elsewhere. */
const segments = [
  'orders', '~me', 'a.b', '-', '_', "o'brien", '(1)', '@home', 'a+b', 'a:b', 'a=b', 'a&b', 'a,b', '$ref', '!', '*', '.well-known',
  'caf%C3%A9', '%E1%88%B4', '%F0%9F%98%80', '%20', 'a%20b', '%2B', '%3D', '%25', '100%25', '%3A', '%40', '%28', '%5B0%5D', '%7B%7D',
  '__proto__', 'constructor', '...', 'x-amz-date',
] // biome-ignore format: a table

const names = [
  'a', 'a-b', 'A', 'b', 'a%5B%5D', 'a[]', '%61', 'x', 'q', '', '__proto__', 'constructor', 'toString', 'Action', 'é'.normalize(), 'a+b', 'a%20b',
  'a.b', 'a~', 'Ａ', 'x-amz', 'X-Amzn', 'prefix', 'Param-3', 'Param1', 'list-type', '%E1%88%B4', '😀', '%FF', "o'b", '(', ')', '!', '*',
] // biome-ignore format: a table

const values = [
  '', '1', '10', '2', 'a b'.replace(' ', '+'), 'a%20b', '%2B', '+', '++', '=', 'a=b', 'a==', '%3D', '%26', '%25', '%', '%zz', '%4', '%c3%a9', '%C3%A9',
  "'", '()', '!*', '@', '~', '~%7E', '/', '//', '../..', '?', '??', ':', ';', ',', '$', '"', '<>', '[]', '{}', '|', '^', '`', '\\', '😀', '%F0%9F%98%80',
  'ſ', '%FF%FE', 'null', '2015-08-30T12:36:00Z', '%0A', '%00', '%0d%0a',
] // biome-ignore format: a table

const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']
const contentTypes = [
  'application/json',
  'application/json; charset=utf-8',
  'text/plain;charset="us-ascii"',
  'multipart/form-data; boundary="a  b"',
  'application/x-www-form-urlencoded',
  'text/plain ; a=b',
]

/**
 * One odd request for a signature to get wrong, from a source of numbers between 0 and 1: targets, bodies and headers as a
 * route may send them, and a few that only a broken route could.
 * @param isAscii as what comes through the front door is.
 */
export function oddRequest(random: () => number, isAscii: boolean): OutgoingRequest {
  const below = (n: number): number => Math.floor(random() * n)
  const one = <T>(list: readonly T[]): T => list[below(list.length)] as T // no list here is empty
  const ascii = (text: string): string =>
    isAscii ? text.replace(/[^\x21-\x7e]/gu, (c) => encodeURIComponent(c)) : text
  const anyText = (): string => {
    let text = ''
    for (let i = below(6); i >= 0; i--) text += String.fromCharCode(0x21 + below(0x5e))
    return text.replace(/[#&]/g, '')
  }
  const path = `/${Array.from({ length: below(5) }, () => one(segments)).join('/')}${random() < 0.1 ? '/' : ''}`
  const pairs = Array.from({ length: below(6) }, () => {
    const kind = random()
    const name = random() < 0.2 ? anyText().replace(/[=]/g, '') : one(names)
    if (kind < 0.1) return name
    if (kind < 0.15) return ''
    return `${name}=${random() < 0.2 ? anyText() : one(values)}`
  })
  const query = random() < 0.15 ? null : pairs.join('&')
  const method = one(methods)
  const hasBody = method === 'POST' || method === 'PUT' || method === 'PATCH' || random() < 0.05
  const body = hasBody ? Buffer.from(Array.from({ length: below(200) }, () => below(256))) : null
  const headers = ['accept', '*/*', 'x-request-id', '01JD3ZK8M5', 'user-agent', 'odd  agent (1)']
  if (hasBody) headers.push('content-type', one(contentTypes))
  const target = ascii(`${path.replace(/\/{2,}/g, '/')}${query === null ? '' : `?${query}`}`)
  return { method, target, headers, body, timeouts }
}
