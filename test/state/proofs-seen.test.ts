import { randomBytes } from 'node:crypto'
import t from 'tap'
import { createProofsSeen } from '../../src/state/proofs-seen.js'

const lifeMs = 120_000

t.test('a name serves once for as long as it could be used, whoever comes in between', async (t) => {
  const store = createProofsSeen({ seed: randomBytes(8) })
  t.equal(store.claim('a', lifeMs, 0), 'fresh')
  t.equal(store.claim('a', lifeMs, 0), 'seen')
  t.equal(store.claim('b', lifeMs, 0), 'fresh')
  for (let now = 1_000; now < lifeMs; now += 1_000) {
    if (store.claim('a', lifeMs, now) !== 'seen') t.fail(`forgotten after ${now} ms`)
    if (store.claim(`other ${now}`, lifeMs, now) !== 'fresh') t.fail(`a new name was refused after ${now} ms`)
  }
  t.equal(store.claim('a', lifeMs, 5 * lifeMs), 'fresh', 'long after its end it takes no room')
})

t.test('whenever a name comes within a period, it is remembered for its whole life', async (t) => {
  for (let offset = 0; offset <= lifeMs; offset += 7_500) {
    const store = createProofsSeen({ seed: randomBytes(8) })
    store.claim('first', lifeMs, 0)
    store.claim('late', lifeMs, offset)
    for (let later = 0; later <= lifeMs; later += 5_000) {
      store.claim(`filler ${later}`, lifeMs, offset + later)
      if (store.claim('late', lifeMs, offset + later) !== 'seen') t.fail(`put at ${offset}, forgotten at +${later}`)
    }
  }
  t.pass('at every offset')
})

t.test('a clock that was set back makes nothing fresh again', async (t) => {
  const store = createProofsSeen({ seed: randomBytes(8) })
  store.claim('a', lifeMs, 1_000_000)
  t.equal(store.claim('a', lifeMs, 10), 'seen')
  t.equal(store.claim('a', lifeMs, 1_000_000), 'seen')
})

t.test('when its memory is full it says so, forgets nothing, and takes names again in time', async (t) => {
  const store = createProofsSeen({ seed: randomBytes(8), maxBytes: 128 * 1024 })
  let taken = 0
  while (store.claim(`name ${taken}`, lifeMs, 0) === 'fresh') taken += 1
  t.ok(taken > 4_000 && taken <= 8_192, `${taken} names in 64 KB`)
  let forgotten = 0
  for (let i = 0; i < taken; i++) if (store.claim(`name ${i}`, lifeMs, 1) !== 'seen') forgotten += 1
  t.equal(forgotten, 0)
  t.equal(store.claim('one more', lifeMs, lifeMs - 1), 'full')
  t.equal(store.claim('one more', lifeMs, lifeMs), 'fresh', 'the next half has room')
  t.equal(store.claim('name 0', lifeMs, lifeMs), 'seen', 'and the last one is still known')
})

t.test('a hundred thousand names meet one another by no accident', async (t) => {
  const store = createProofsSeen({ seed: randomBytes(8) })
  let met = 0
  for (let i = 0; i < 100_000; i++) if (store.claim(`thumbprint ${i}`, lifeMs, i) !== 'fresh') met += 1
  t.equal(met, 0)
})
