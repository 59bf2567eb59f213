import { parseRate, parseWindow, type Rate } from '../../values/rate.js'
import type { Scope, Section } from '../contract.js'

const form = 'A rate is a count, a slash and a window: 10/1s, 600/1m, 5000/1h.'

const units: Readonly<Record<string, string>> = {
  ms: '1ms',
  s: '1s',
  sec: '1s',
  secs: '1s',
  second: '1s',
  seconds: '1s',
  m: '1m',
  min: '1m',
  mins: '1m',
  minute: '1m',
  minutes: '1m',
  h: '1h',
  hr: '1h',
  hour: '1h',
  hours: '1h',
  d: 'day',
  day: 'day',
  days: 'day',
  daily: 'day',
  month: 'month',
  months: 'month',
  monthly: 'month',
}

/** The rate of a section's text. Reports and returns undefined when it is none. */
export function readRate(section: Section, scope: Scope): Rate | undefined {
  const text = String(section.value)
  const rate = parseRate(text)
  if (rate !== null && rate.quota > 0) return rate
  const guess = mendRate(text)
  scope.report({
    code: 'rate-limit.rate-unreadable',
    message: rate === null ? form : 'A rate of 0 lets nobody through: a limit admits at least one call.',
    ...(guess !== undefined && { hint: `Did you mean ${guess}?` }),
    at: section.place,
  })
  return undefined
}

/** The window of a section's text. Reports and returns undefined when it is none. */
export function readWindow(section: Section, scope: Scope): Omit<Rate, 'quota'> | undefined {
  const text = String(section.value)
  const window = parseWindow(text)
  if (window !== null) return window
  const guess = mendWindow(text)
  scope.report({
    code: 'rate-limit.rate-unreadable',
    message: 'A window is a count and a unit, 1s, 10m, 24h; or day or month, in UTC.',
    ...(guess !== undefined && { hint: `Did you mean ${guess}?` }),
    at: section.place,
  })
  return undefined
}

/** The rate that `10 per sec`, `10/sec`, `10 / 1 min` or `10rps` was meant to be, if that is plain. */
function mendRate(text: string): string | undefined {
  const found = /^\s*(\d{1,9})\s*(?:\/|per|every|an?\s|r\/|rp)\s*(.{1,24})$/i.exec(text)
  const window = found?.[2] === undefined ? undefined : mendWindow(found[2])
  const mended = window === undefined ? undefined : `${Number(found?.[1])}/${window}`
  return mended === undefined || mended === text || Number(found?.[1]) === 0 ? undefined : mended
}

function mendWindow(text: string): string | undefined {
  const found = /^\s*(\d{0,9})\s*([a-z]{1,8})\s*$/i.exec(text)
  if (found === null) return undefined
  const unit = units[(found[2] ?? '').toLowerCase()]
  if (unit === undefined) return undefined
  const count = Number(found[1] === '' ? 1 : found[1])
  if (count === 0) return undefined
  if (unit === 'month') return count === 1 ? 'month' : undefined
  if (unit === 'day') return found[1] === '' ? 'day' : `${count}d`
  return `${count}${unit.slice(1)}`
}
