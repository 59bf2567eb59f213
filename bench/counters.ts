// What a counter costs: time per take, and memory per key. `npm run bench` runs the gateway's; this one runs alone:
// node --expose-gc build/bench/counters.js
import { randomBytes } from 'node:crypto'
import type { LimitSpec } from '../src/stages/contract.js'
import { Counters } from '../src/state/counters.js'

const minuteMs = 60_000
const limits: readonly LimitSpec[] = [
  {
    bucket: 'sliding',
    algorithm: 'sliding-window',
    quota: 100,
    windowMs: minuteMs,
    calendar: null,
    burst: null,
    cost: 1,
  },
  { bucket: 'token', algorithm: 'token-bucket', quota: 100, windowMs: minuteMs, calendar: null, burst: 20, cost: 1 },
  { bucket: 'fixed', algorithm: 'fixed-window', quota: 100, windowMs: minuteMs, calendar: null, burst: null, cost: 1 },
  {
    bucket: 'calendar',
    algorithm: 'calendar',
    quota: 100,
    windowMs: 30 * 86_400_000,
    calendar: 'month',
    burst: null,
    cost: 1,
  },
]

let now = Date.UTC(2026, 0, 15)
const print = (name: string, value: number, unit: string) =>
  process.stdout.write(`${name.padEnd(58)}${value.toFixed(2).padStart(10)} ${unit}\n`)

const keys = Array.from({ length: 100_000 }, (_, i) => `user-${(i * 2_654_435_761) % 4_294_967_296}`)

for (const limit of limits) {
  const counters = new Counters({ now: () => now, monotonic: () => now, seed: randomBytes(8) })
  const group = counters.open([limit])
  let started = performance.now()
  for (const key of keys) group.take([key], [limit.quota])
  print(`${limit.algorithm}: a new key`, ((performance.now() - started) / keys.length) * 1000, 'µs')

  started = performance.now()
  for (let round = 0; round < 5; round++) {
    now += 700
    for (const key of keys) group.take([key], [limit.quota])
  }
  print(
    `${limit.algorithm}: a known key, 100,000 of them`,
    ((performance.now() - started) / keys.length / 5) * 1000,
    'µs',
  )

  const [first = ''] = keys
  started = performance.now()
  for (let i = 0; i < 1_000_000; i++) {
    if (i % 1000 === 0) now += 1
    group.take([first], [limit.quota])
  }
  print(`${limit.algorithm}: one key, most of it refused`, (performance.now() - started) / 1000, 'µs')
  print(`${limit.algorithm}: memory of 100,000 keys`, (counters.report()[0]?.bytes ?? 0) / 1e6, 'MB')
}

/** The most memory that 100,000 keys of a table take, at any size up to a million. */
for (const limit of limits.slice(0, 2)) {
  const counters = new Counters({
    now: () => now,
    monotonic: () => now,
    seed: randomBytes(8),
    maxKeys: 2_000_000,
    maxBytes: 1e9,
  })
  const group = counters.open([limit])
  const before = process.memoryUsage().arrayBuffers
  let worst = 0
  let slowest = 0
  const started = performance.now()
  for (let i = 1; i <= 1_000_000; i++) {
    const one = performance.now()
    group.take([`invented-${i}`], [limit.quota])
    slowest = Math.max(slowest, performance.now() - one)
    if (i >= 50_000 && i % 10_000 === 0) worst = Math.max(worst, ((counters.report()[0]?.bytes ?? 0) / i) * 1e5)
  }
  print(`${limit.algorithm}: 1,000,000 invented keys`, performance.now() - started, 'ms')
  print(`${limit.algorithm}: the slowest of them (garbage collection in it)`, slowest, 'ms')
  print(`${limit.algorithm}: most memory per 100,000 keys on the way`, worst / 1e6, 'MB')
  global.gc?.()
  print(`${limit.algorithm}: array buffers at the end`, (process.memoryUsage().arrayBuffers - before) / 1e6, 'MB')
}

const two = new Counters({ now: () => now, monotonic: () => now, seed: randomBytes(8) }).open(limits.slice(0, 2))
const started = performance.now()
for (let i = 0; i < 1_000_000; i++) {
  const key = keys[i % keys.length] ?? ''
  two.take([key, key], [100, 100])
}
print('two limits by one key', (performance.now() - started) / 1000, 'µs')
