import t from 'tap'
import { createBatch } from '../src/record/batch.js'
import type { DecisionRecord } from '../src/record/record.js'

const record = (id: string): DecisionRecord => ({
  id,
  at: 0,
  plan: '',
  method: 'GET',
  path: '/',
  route: null,
  client: { address: '' },
  steps: [],
  outcome: 'forwarded',
  response: { status: 200, bytes: 0 },
  micros: 1,
})

t.test('every record reaches every reader once, in order, soon after it was made', async (t) => {
  const seen: string[] = []
  const done = new Promise<void>((resolve) => {
    const { read } = createBatch([({ id }) => seen.push(`a${id}`), ({ id }) => id === '2' && resolve()])
    read(record('1'))
    read(record('2'))
    t.same(seen, [], 'no reader makes a request wait')
  })
  await done
  t.same(seen, ['a1', 'a2'])
})

t.test('a burst is shown before it grows, and the rest when the process ends', async (t) => {
  let seen = 0
  const batch = createBatch([() => seen++])
  for (let i = 0; i < 600; i++) batch.read(record(String(i)))
  t.equal(seen, 512)
  batch.flush()
  t.equal(seen, 600)
})

t.test('a reader that throws takes nothing from the others', async (t) => {
  const faults: unknown[] = []
  let seen = 0
  const broken = (): never => {
    throw new Error('broken')
  }
  const batch = createBatch([broken, () => seen++], (error) => faults.push(error))
  batch.read(record('1'))
  batch.flush()
  t.equal(seen, 1)
  t.equal(faults.length, 1)
})
