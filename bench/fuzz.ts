import { parseArgs } from 'node:util'
import { fuzz } from '../test/support/fuzz/campaign.js'

/*
 * Changed requests through the real gateway into a second parser, which must find nothing to complain of.
 *   npm run fuzz -- --runs 200000 [--seed 1] [--first 0]
 * A failure is printed with its seed and number and the least bytes that show it; --first N --runs 1 sends it again.
 */
const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '200000' },
    seed: { type: 'string', default: '1' },
    first: { type: 'string', default: '0' },
  },
})
const runs = Number(values.runs)
const seed = Number(values.seed)
const first = Number(values.first)
if (![runs, seed, first].every(Number.isSafeInteger) || runs < 1) {
  console.error('Usage: npm run fuzz -- [--runs 200000] [--seed 1] [--first 0]')
  process.exit(2)
}

const barWidth = 30
const closers: (() => Promise<void> | void)[] = []
const started = performance.now()
let told = 0
const { forwarded, statuses, failure } = await fuzz(
  { teardown: (done) => void closers.push(done) },
  {
    runs,
    seed,
    first,
    onProgress: (done) => {
      const seconds = (performance.now() - started) / 1000
      const line = `${done}/${runs}  ${Math.round(done / seconds)} a second`
      const filled = Math.round((barWidth * done) / runs)
      if (process.stderr.isTTY) {
        process.stderr.write(`\r[${'#'.repeat(filled)}${'.'.repeat(barWidth - filled)}] ${line} `)
      } else if (done / runs >= told / 10 || done === runs) {
        told = Math.floor((10 * done) / runs) + 1
        process.stderr.write(`${line}\n`)
      }
    },
  },
)
for (const close of closers.reverse()) await close()
const seconds = ((performance.now() - started) / 1000).toFixed(0)
if (process.stderr.isTTY) process.stderr.write('\n')
if (failure === null) {
  const list = [...statuses].sort(([a], [b]) => a - b).map(([status, count]) => `${status}: ${count}`)
  console.log(
    `${runs} requests from ${first} with seed ${seed} in ${seconds} s: no crash, nothing malformed forwarded,`,
  )
  console.log(`nothing at a function without its route's policy. ${forwarded} reached the function. ${list.join(', ')}`)
  process.exit(0)
}
console.log(`FAILED: ${failure.what}\n  request ${failure.index} with seed ${failure.seed}; the least that shows it:\n`)
console.log(
  `  ${JSON.stringify(failure.bytes)}\n\nAgain: npm run fuzz -- --seed ${seed} --first ${failure.index} --runs 1`,
)
process.exit(1)
