import { isUtf8 } from 'node:buffer'
import { strictJson } from '../src/stages/request/strict-json.js'

// What the strict pass over a JSON body costs, beside JSON.parse alone and beside the other way to prove that a text is
// unambiguous: compare JSON.stringify of the parsed value with the text. Run: node build/bench/strict-json.js

const line = (i: number) => ({
  id: `a1b2c3d4-${i}`,
  sku: `SKU-${i}`,
  quantity: (i % 7) + 1,
  price: 19.99,
  note: 'please leave it at the door, thank you',
  tags: ['new', 'sale'],
  address: { street: `Main Street ${i}`, zip: `1234${i}`, city: 'Springfield' },
})
const order = (lines: number) => ({
  customer: 'cust_123',
  currency: 'EUR',
  items: Array.from({ length: lines }, (_, i) => line(i)),
  total: 59.97,
  gift: false,
})

const texts = {
  '1 KB': JSON.stringify(order(5)),
  '32 KB': JSON.stringify(order(155)),
  '32 KB, pretty': JSON.stringify(order(92), null, 2),
  '32 KB, umlauts': JSON.stringify(order(150)).replaceAll('door', 'Tür'),
  '32 KB, numbers': JSON.stringify(Array.from({ length: 3600 }, (_, i) => i * 1.01e3)),
  '32 KB, one string': JSON.stringify({ text: 'lorem ipsum '.repeat(2730) }),
}

const parse = strictJson({ depth: 20, keys: 100_000, stringLength: null })
let sink: unknown

const ways: Readonly<Record<string, (bytes: Buffer) => void>> = {
  'JSON.parse alone': (bytes) => {
    sink = JSON.parse(bytes.toString('utf8'))
  },
  'strict pass': (bytes) => {
    sink = parse(bytes)
  },
  'stringify and compare': (bytes) => {
    if (!isUtf8(bytes)) throw new Error('not text')
    const text = bytes.toString('utf8')
    const value: unknown = JSON.parse(text)
    sink = JSON.stringify(value) === text ? value : null
  },
}

for (const [name, text] of Object.entries(texts)) {
  const bytes = Buffer.from(text)
  const kilobytes = bytes.length / 1024
  const rounds = Math.ceil(6_000 / kilobytes)
  const figures = Object.entries(ways).map(([way, run]) => {
    let best = Number.POSITIVE_INFINITY
    for (let turn = 0; turn < 5; turn++) {
      const before = process.cpuUsage()
      for (let i = 0; i < rounds; i++) run(bytes)
      const { user, system } = process.cpuUsage(before)
      best = Math.min(best, (user + system) / rounds / kilobytes)
    }
    return `${way} ${best.toFixed(2)}`
  })
  console.log(`${name.padEnd(18)} ${figures.join(' · ')} µs/KB`)
}
if (sink === undefined) throw new Error('nothing was parsed')
