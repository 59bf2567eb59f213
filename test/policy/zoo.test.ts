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
    const [first] = errors
    t.equal(loaded.plan, null, 'nothing is served')
    t.equal(first && `${first.code} ${formatPlace(first.place)}`, `${code} ${place}`, renderProblems(errors))
    t.ok(`${first?.message} ${first?.hint}`.includes(says), `"${first?.message} ${first?.hint}" says "${says}"`)
    t.match(first?.message, /[.:]$|\.$/, 'the message is a sentence')
    t.ok(/[a-z0-9)`}>"?.]$/i.test(first?.hint ?? ''), 'the hint says how to mend it')
    const isManyOfOne = name.startsWith('yaml-alias-bomb')
    t.equal(errors.length > 1, isManyOfOne, renderProblems(errors))
  })
}
