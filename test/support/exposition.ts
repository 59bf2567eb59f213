/** One series of an exposition. */
export interface Series {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

export interface Exposition {
  readonly types: ReadonlyMap<string, string>
  readonly series: readonly Series[]
  /** The value of the one series with this name and these labels among its own; NaN when there is none or more than one. */
  value(name: string, labels?: Readonly<Record<string, string>>): number
}

const nameStart = /[a-zA-Z_:]/
const nameRest = /[a-zA-Z0-9_:]/

/**
 * Reads Prometheus text format 0.0.4 and refuses whatever a strict reader or `promtool check metrics` would complain of: a
 * family without HELP and TYPE before it, torn in two or empty of sense, a bad name, escape or value, a series twice, a
 * counter without `_total`, a histogram whose buckets fall or do not add up.
 * https://prometheus.io/docs/instrumenting/exposition_formats/
 */
export function parseExposition(text: string): Exposition {
  if (!text.endsWith('\n')) throw new Error('the last line has no line feed')
  const types = new Map<string, string>()
  const helps = new Set<string>()
  const series: Series[] = []
  const seen = new Set<string>()
  let family = ''
  for (const line of text.slice(0, -1).split('\n')) {
    const comment = /^# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+)$/.exec(line)
    if (comment !== null) {
      const [, kind, name = '', rest = ''] = comment
      if (kind === 'HELP') {
        if (helps.has(name)) throw new Error(`HELP twice: ${name}`)
        helps.add(name)
        family = name
      } else {
        if (family !== name || types.has(name)) throw new Error(`TYPE out of place: ${line}`)
        if (!['counter', 'gauge', 'histogram'].includes(rest)) throw new Error(`unknown type: ${line}`)
        if (rest === 'counter' && !name.endsWith('_total')) throw new Error(`a counter without _total: ${name}`)
        if (rest !== 'counter' && name.endsWith('_total')) throw new Error(`_total on no counter: ${name}`)
        types.set(name, rest)
      }
      continue
    }
    const one = parseSeries(line)
    const type = types.get(family)
    const suffixes = type === 'histogram' ? ['_bucket', '_sum', '_count'] : ['']
    if (!suffixes.some((suffix) => one.name === family + suffix)) throw new Error(`${one.name} stands under ${family}`)
    const key = `${one.name} ${JSON.stringify(Object.entries(one.labels).sort())}`
    if (seen.has(key)) throw new Error(`twice: ${key}`)
    seen.add(key)
    if (type === 'counter' && !(one.value >= 0)) throw new Error(`a counter below zero: ${line}`)
    series.push(one)
  }
  for (const [name, type] of types) if (type === 'histogram') checkHistogram(name, series)
  return {
    types,
    series,
    value(name, labels = {}) {
      const found = series.filter(
        (one) => one.name === name && Object.entries(labels).every(([label, text]) => one.labels[label] === text),
      )
      return found.length === 1 ? (found[0]?.value ?? Number.NaN) : Number.NaN
    },
  }
}

function parseSeries(line: string): Series {
  let at = 0
  const fail = (what: string): never => {
    throw new Error(`${what} at ${at}: ${line}`)
  }
  const readName = (): string => {
    const start = at
    if (!nameStart.test(line.charAt(at))) fail('no name')
    while (at < line.length && nameRest.test(line.charAt(at))) at++
    return line.slice(start, at)
  }
  const readText = (): string => {
    if (line.charAt(at++) !== '"') fail('no quote')
    let text = ''
    for (;;) {
      const character = line.charAt(at++)
      if (character === '') fail('no closing quote')
      if (character === '"') return text
      if (character !== '\\') {
        text += character
        continue
      }
      const escaped = line.charAt(at++)
      if (escaped === 'n') text += '\n'
      else if (escaped === '\\' || escaped === '"') text += escaped
      else fail('a bad escape')
    }
  }
  const name = readName()
  const labels: Record<string, string> = {}
  if (line.charAt(at) === '{') {
    do {
      at++
      const label = readName()
      if (label.includes(':') || label.startsWith('__')) fail('a reserved label')
      if (line.charAt(at++) !== '=') fail('no equals sign')
      if (label in labels) fail('a label twice')
      labels[label] = readText()
    } while (line.charAt(at) === ',')
    if (line.charAt(at++) !== '}') fail('no closing brace')
  }
  if (line.charAt(at++) !== ' ') fail('no blank')
  const written = line.slice(at)
  if (!/^(?:[+-]Inf|NaN|-?[0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?)$/.test(written)) fail('no value')
  const value = written === '+Inf' ? Infinity : written === '-Inf' ? -Infinity : Number(written)
  return { name, labels, value }
}

function checkHistogram(name: string, series: readonly Series[]): void {
  const groups = new Map<string, { le: number; value: number }[]>()
  const keyOf = (labels: Series['labels']): string =>
    JSON.stringify(
      Object.entries(labels)
        .filter(([label]) => label !== 'le')
        .sort(),
    )
  for (const one of series) {
    if (one.name !== `${name}_bucket`) continue
    const le = one.labels['le'] === '+Inf' ? Infinity : Number(one.labels['le'])
    const group = groups.get(keyOf(one.labels)) ?? []
    group.push({ le, value: one.value })
    groups.set(keyOf(one.labels), group)
  }
  const find = (suffix: string, key: string): number | undefined =>
    series.find((one) => one.name === name + suffix && keyOf(one.labels) === key)?.value
  for (const [key, buckets] of groups) {
    for (let i = 1; i < buckets.length; i++) {
      const [before, now] = [buckets[i - 1], buckets[i]]
      if (before === undefined || now === undefined) continue
      if (!(now.le > before.le)) throw new Error(`${name} ${key}: buckets out of order`)
      if (now.value < before.value) throw new Error(`${name} ${key}: buckets fall`)
    }
    const last = buckets.at(-1)
    if (last?.le !== Infinity) throw new Error(`${name} ${key}: no +Inf`)
    if (last.value !== find('_count', key)) throw new Error(`${name} ${key}: +Inf is not _count`)
    if (find('_sum', key) === undefined) throw new Error(`${name} ${key}: no _sum`)
  }
}
