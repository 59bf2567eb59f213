import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { loadPolicy } from '../../src/policy/load.js'
import { renderProblems } from '../../src/policy/render.js'
import { formatPlace } from '../../src/values/place.js'
import { cutFixture, sharedText, writeFolder } from './folder.js'

const zoo = 'test/fixtures/zoo'

/** Every animal is a policy with one mistake; its head says which problem must be found where, and what the hint must say. */
for (const name of readdirSync(zoo).sort()) {
  t.test(`${name.replace('.zoo', '').replaceAll('-', ' ')}: refused at the exact line, with the mend`, async (t) => {
    const { head, files } = cutFixture(readFileSync(join(zoo, name), 'utf8'))
    const [, code, place] = /^# expect: (\S+) (\S+)$/m.exec(head) ?? []
    const says = /^# says: (.*)$/m.exec(head)?.[1] ?? ''
    const loaded = await loadPolicy(writeFolder(t, { 'shared.yaml': sharedText, ...files }))

    const errors = loaded.problems.filter(({ severity }) => severity === 'error')
    const rendered = renderProblems(errors)
    // A bomb goes off in many places; every other animal has one mistake and must get one problem.
    const isBomb = name.includes('bomb')
    const found = isBomb ? errors.find((error) => error.code === code) : errors[0]
    const said = `${found?.message} ${found?.hint ?? ''}`
    t.equal(loaded.plan, null, 'nothing is served')
    t.equal(found && `${found.code} ${formatPlace(found.place)}`, `${code} ${place}`, rendered)
    t.ok(said.includes(says), `${JSON.stringify(said)} says ${JSON.stringify(says)}`)
    t.match(found?.message, /\.$/, 'the message is a sentence')
    t.equal(errors.length > 1, isBomb, rendered)
  })
}
