import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { loadPolicy } from '../../src/policy/load.js'
import { renderProblems } from '../../src/policy/render.js'
import { fakeStages } from './fake-stages.js'
import { cutFixture, writeFolder } from './folder.js'

const plans = 'test/fixtures/plans'
const rewrites = process.env['UPDATE'] === '1'

/** Every policy has its answer beside it: the plan, or the problems as an operator reads them. UPDATE=1 rewrites them. */
for (const name of readdirSync(plans).filter((file) => file.endsWith('.policy.yaml'))) {
  const base = join(plans, name.replace('.policy.yaml', ''))
  t.test(`${name.replace('.policy.yaml', '').replaceAll('-', ' ')}: the plan is as reviewed`, async (t) => {
    const { head, files } = cutFixture(readFileSync(`${base}.policy.yaml`, 'utf8'))
    const folder = writeFolder(t, Object.keys(files).length === 0 ? { 'orders.yaml': head } : files)
    const loaded = await loadPolicy(folder, {}, fakeStages)
    const problems = renderProblems(loaded.problems)
    const isPlan = loaded.plan !== null
    const answer = isPlan
      ? `${JSON.stringify({ ...loaded.plan, warnings: problems.split('\n') }, null, 1)}\n`
      : `${problems}\n`
    const file = isPlan ? `${base}.plan.json` : `${base}.problems.txt`
    if (rewrites) {
      for (const old of [`${base}.plan.json`, `${base}.problems.txt`]) rmSync(old, { force: true })
      writeFileSync(file, answer)
    }
    t.ok(existsSync(file), `${file} exists; UPDATE=1 writes it`)
    t.equal(answer, readFileSync(file, 'utf8'))
  })
}
