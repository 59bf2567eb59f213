import { cpus } from 'node:os'
import { exchange, Judge } from '../../src/cli/inspect/corpus-judge.js'

/*
 * What inspection costs, without parsing: harmless JSON of several sizes, harmless text that the first pass cannot clear,
 * and hostile repetitions that aim at each detector, at 10 KB, 100 KB and 1 MB.
 *   npm run bench -- inspect/cost [--quick] [--only PART-OF-A-NAME]
 */
const quick = process.argv.includes('--quick')
const judge = new Judge()
const rounds = quick ? 3 : 7
const only = process.argv.includes('--only') ? (process.argv[process.argv.indexOf('--only') + 1] ?? '') : ''

interface Row {
  readonly name: string
  readonly bytes: number
  readonly perKb: number
  readonly p99: number
}

const rows: Row[] = []
let done = 0
let total = 0

const words =
  'the order was packed and shipped on time but select items of our group had to wait for a new drop of parts from the union depot in spring; please update the note, or call us where it says so'.split(
    ' ',
  )
const text = (length: number): string => {
  let result = ''
  for (let i = 0; result.length < length; i++) result += `${words[(i * 7 + (i >> 3)) % words.length]} `
  return result.slice(0, length)
}

/** An order as shops send it: identifiers, names, amounts, a note. */
function order(seed: number): object {
  return {
    id: `9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb${(seed % 90) + 10}`,
    number: `A-${100000 + seed}`,
    createdAt: '2026-03-14T09:26:53.120Z',
    customer: { name: 'Ana García', email: 'ana.garcia@example.org', phone: '+34 600 123 456', locale: 'es-ES' },
    address: { street: '12 Rue de l’Église', city: 'Lyon', postcode: '69002', country: 'FR' },
    lines: [
      {
        sku: 'TEA-0042',
        title: 'Green tea, loose (250 g)',
        quantity: 2,
        price: '12.90',
        url: 'https://shop.example.com/p/tea-0042?ref=mail&size=250',
      },
      {
        sku: 'CUP-0007',
        title: "Maker's mug",
        quantity: 1,
        price: '24.00',
        url: 'https://shop.example.com/p/cup-0007',
      },
    ],
    note: text(120),
    tags: ['gift', 'express'],
    metadata: { source: 'web', session: 'sess9f8e7d6c5b4a', campaign: 'spring-2026' },
  }
}

function harmless(bytes: number): { value: unknown; size: number } {
  const items: object[] = []
  let size = 2
  while (size < bytes) {
    const next = order(items.length)
    size += JSON.stringify(next).length + 1
    items.push(next)
    if (bytes <= 1024) break
  }
  return { value: bytes <= 1024 ? items[0] : { items }, size }
}

function measure(name: string, value: unknown, bytes: number): void {
  if (!name.includes(only)) return
  const it = exchange('POST', '/v1/orders', '', [], {}, Buffer.alloc(0))
  // As a parser makes them: flat strings.
  it.content = { kind: 'json', value: JSON.parse(JSON.stringify(value)) }
  const run = () => judge.inspect(it)
  // The compiler needs some thousand values before it has made up its mind.
  for (let i = 0; i < 3_000_000 / bytes && i < 3_000; i++) run()
  const perRound = Math.max(1, Math.min(2000, Math.round((quick ? 200_000 : 600_000) / bytes)))
  for (let i = 0; i < perRound; i++) run()
  // Processor time, since other work on the machine must not count; the best round, since the collector's pauses are
  // spread over all of them. Single runs are timed by the clock, for the tail.
  let best = Number.POSITIVE_INFINITY
  const times: number[] = []
  for (let round = 0; round < rounds; round++) {
    const before = process.cpuUsage()
    let last = process.hrtime.bigint()
    for (let i = 0; i < perRound; i++) {
      run()
      const now = process.hrtime.bigint()
      times.push(Number(now - last) / 1000)
      last = now
    }
    const { user, system } = process.cpuUsage(before)
    best = Math.min(best, (user + system) / perRound)
  }
  times.sort((a, b) => a - b)
  const median = best
  rows.push({ name, bytes, perKb: median / (bytes / 1024), p99: times[Math.floor(times.length * 0.99)] ?? 0 })
  done++
  if (process.stderr.isTTY)
    process.stderr.write(`\r[${'#'.repeat(Math.round((30 * done) / total)).padEnd(30, '.')}] ${name.padEnd(30)}`)
}

const hostile: Readonly<Record<string, string>> = {
  apostrophes: "'",
  'apostrophes in words': "a' ",
  quotes: '" ',
  'quotes and OR': "' or ",
  'OR chains': 'or 1 ',
  select: 'select ',
  'select from': 'select a from b ',
  union: 'union (',
  'open brackets': '(',
  'SQL calls': 'concat(',
  comments: '/**/',
  'open comments': '/* ',
  dashes: '-- ',
  'less-than': '<',
  tags: '<a ',
  attributes: '<a b=',
  'quoted attributes': '<a b="',
  events: ' onclick',
  'event equals': ' onclick=',
  'script schemes': 'javascript:',
  calls: 'alert ',
  semicolons: ';',
  'commands of prose': '; find ',
  pipes: '| ',
  backticks: '`a',
  substitutions: '$(a ',
  lines: 'a\n',
  'header lines': '\nx: y',
  'mail lines': '\nto: a',
  templates: '{{',
  'closed templates': '{{a}}',
  lookups: '${',
  'closed lookups': '${a}',
  'nested lookups': '${a:-',
  dots: '..',
  'dots and slashes': './a/',
  'one step up': '../a ',
  'system paths': ' etc/hosts',
  urls: 'http://a.b ',
  'schemes alone': '://',
  percents: '%',
  'percent layers': '%25',
  'percent unicode': '%u0041',
  ampersands: '&',
  entities: '&amp;',
  'long entity': '&#0',
  backslashes: '\\',
  escapes: '\\u0041',
  'full width': '\uff41',
  'zero width': '\u200b',
  base64: 'QUJD',
  'php calls': 'exec (',
  'java names': 'java.lang ',
  'filter brackets': ')(',
  'path axes': 'child::',
  dunders: '__class__ ',
  'open JSON': '[',
  'plus signs': "+'",
  letters: 'a',
}

const sizes = quick ? [1024, 10 * 1024, 100 * 1024] : [1024, 10 * 1024, 100 * 1024, 1024 * 1024]
const hostileSizes = quick ? [10 * 1024, 100 * 1024] : [10 * 1024, 100 * 1024, 1024 * 1024]
total = sizes.length * 2 + Object.keys(hostile).length * hostileSizes.length
for (const size of sizes) {
  const { value, size: bytes } = harmless(size)
  measure('harmless JSON', value, bytes)
  measure('prose with SQL words', { note: `It's ${text(size)}` }, size)
}
for (const [name, unit] of Object.entries(hostile)) {
  for (const size of hostileSizes)
    measure(name, { note: unit.repeat(Math.ceil(size / unit.length)).slice(0, size) }, size)
}
if (process.stderr.isTTY) process.stderr.write('\n')

console.log(`Node ${process.version}, ${cpus()[0]?.model ?? 'unknown processor'}`)
console.log(`${'input'.padEnd(28)}${'size'.padStart(9)}${'µs/KB'.padStart(10)}${'p99 µs'.padStart(12)}`)
for (const { name, bytes, perKb, p99 } of rows) {
  console.log(
    `${name.padEnd(28)}${String(bytes).padStart(9)}${perKb.toFixed(2).padStart(10)}${p99.toFixed(1).padStart(12)}`,
  )
}
const names = [...new Set(rows.map(({ name }) => name))]
console.log('\ngrowth: cost per KB at the largest size against the smallest (1 is linear)')
for (const name of names) {
  const own = rows.filter((row) => row.name === name)
  const first = own[0]
  const last = own[own.length - 1]
  if (first !== undefined && last !== undefined)
    console.log(`${name.padEnd(28)}${(last.perKb / first.perKb).toFixed(2).padStart(8)}`)
}
