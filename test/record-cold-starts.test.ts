import t from 'tap'
import type { Plan } from '../src/plan/plan.js'
import { createColdStarts } from '../src/record/cold-starts.js'
import type { DecisionRecord } from '../src/record/record.js'
import { seeded } from './support/seeded.js'

const plan = {
  routes: [
    { id: 'GET /cold', upstream: 'lambda' },
    { id: 'GET /here', upstream: 'local' },
  ],
  upstreams: { lambda: { platform: 'aws-lambda' }, local: {} },
} as unknown as Plan // what the reader looks at

function answer(route: string, ms: number): DecisionRecord {
  // The reader looks at these two.
  return { route, upstream: { name: 'f', status: 200, micros: ms * 1000, attempts: 1 } } as unknown as DecisionRecord
}

t.test('cold starts are told from what a function usually takes', async (t) => {
  const coldStarts = createColdStarts()
  coldStarts.use(plan)
  const random = seeded(3)
  let planted = 0
  for (let i = 0; i < 2_000; i++) {
    const isCold = i > 20 && i % 100 === 50
    if (isCold) planted++
    coldStarts.read(answer('GET /cold', isCold ? 600 + 900 * random() : 15 + 40 * random()))
    coldStarts.read(answer('GET /here', isCold ? 900 : 5))
  }
  const [cold, ...others] = coldStarts.stats()
  t.match(cold, { route: 'GET /cold', answers: 2_000, coldStarts: planted })
  t.ok(cold !== undefined && cold.typicalMs > 14 && cold.typicalMs < 60, `usually ${cold?.typicalMs} ms`)
  t.same(others, [], 'a route to no known platform is not looked at')
})

t.test('a route that begins cold, or that is slow by nature, raises no alarm', async (t) => {
  const coldStarts = createColdStarts()
  coldStarts.use(plan)
  for (const ms of [1_400, 20, 22, 19, 25, 21, 20, 24]) coldStarts.read(answer('GET /cold', ms))
  t.match(coldStarts.stats(), [{ coldStarts: 0 }])
  coldStarts.use({ ...plan, routes: [] })
  t.same(coldStarts.stats(), [], 'a route that is gone is forgotten')
  coldStarts.use(plan)
  const random = seeded(4)
  for (let i = 0; i < 500; i++) coldStarts.read(answer('GET /cold', 800 + 700 * random()))
  t.match(coldStarts.stats(), [{ coldStarts: 0 }])
})
