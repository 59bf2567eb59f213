import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { detectors } from '../../src/stages/inspect/detectors/all.js'
import { Inspector } from '../../src/stages/inspect/inspector.js'
import type { Home } from '../../src/stages/inspect/view.js'

// One file per detector: techniques that must be stopped, and their nearest harmless twins. `common.json` holds harmless
// values of every kind, which every detector must let pass.
const folder = 'test/fixtures/inspect'
const read = (file: string): { attacks?: string[]; twins: string[]; placedTwins?: string[] } =>
  JSON.parse(readFileSync(join(folder, file), 'utf8'))
const common = read('common.json').twins
const inspector = new Inspector(detectors, false)
const never = (): boolean => false
/** A value as a test's name: some line ends would break the report. */
const named = (value: string): string => JSON.stringify(value).replace(/[\u0080-\u009f\u2028\u2029]/g, '.')

/** Where a value of each kind does its harm; `body` unless said. */
const homes: Readonly<Record<string, readonly [Home, string]>> = {
  scanner: ['header', 'user-agent'],
  rfi: ['query', 'page'],
  'path-traversal': ['query', 'file'],
  ssrf: ['query', 'url'],
  crlf: ['query', 'q'],
}

for (const file of readdirSync(folder).filter((name) => name !== 'common.json')) {
  const name = file.replace('.json', '')
  const { attacks = [], twins, placedTwins = [] } = read(file)
  const [home, field] = homes[name] ?? ['body', 'note']

  t.test(`${name}: every technique is stopped`, async (t) => {
    t.ok(attacks.length >= 40, 'the corpus is broad')
    let own = 0
    for (const attack of attacks) {
      const found = inspector.inspect(attack, home, field, never) ?? inspector.inspect(attack, 'key', '', never)
      t.ok(found !== null, named(attack))
      if (found?.detector === name) own++
    }
    t.ok(own >= attacks.length * 0.6, `most are found by their own detector: ${own} of ${attacks.length}`)
  })

  t.test(`${name}: its harmless twins pass`, async (t) => {
    t.ok(twins.length + placedTwins.length >= 60, 'the twins are many')
    for (const twin of placedTwins) {
      const found = inspector.inspect(twin, home, field, never)
      t.equal(found === null ? null : `${found.detector}: ${found.technique}`, null, `in a ${home}: ${named(twin)}`)
    }
    for (const twin of [...twins, ...common]) {
      // A text of several lines is at home in a body; a header has none.
      const inHeader = name === 'scanner' && !common.includes(twin)
      const found = inspector.inspect(twin, inHeader ? home : 'body', inHeader ? field : 'note', never)
      t.equal(found === null ? null : `${found.detector}: ${found.technique}`, null, named(twin))
    }
  })
}
