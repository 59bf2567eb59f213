import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { loadPolicy } from '../../src/policy/load.js'
import { postern } from './command-line.js'

/** Pages for people, and the folders they talk about. */
const pages = [
  'README.md',
  ...readdirSync('docs')
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('docs', name)),
]

t.test('every policy shown in the documents is accepted', async (t) => {
  let blocks = 0
  for (const page of pages) {
    const text = readFileSync(page, 'utf8')
    for (const [index, [, yaml = '']] of [...text.matchAll(/^```yaml\n([\s\S]*?)^```$/gm)].entries()) {
      if (!/^routes:/m.test(yaml)) continue
      const schemas = { 'create-order.json': readFileSync('policies/schemas/create-order.json', 'utf8') }
      const folder = t.testdir({ schemas, 'shown.yaml': yaml })
      const { plan, problems } = await loadPolicy(folder)
      t.ok(plan !== null, `${page}, block ${index + 1}: ${problems.map(({ message }) => message).join(' ')}`)
      blocks++
    }
  }
  t.ok(blocks >= 3, `${blocks} blocks were checked`)
})

t.test('every command in the documents exists', async (t) => {
  const known = new Set((await postern(['--help'])).out.match(/^ {2}([a-z]+) /gm)?.map((word) => word.trim()))
  for (const page of pages) {
    const text = readFileSync(page, 'utf8')
    for (const [, command = ''] of text.matchAll(/^(?:\$ )?(?:postern|node dist\/cli\/main\.js) ([a-z]+)/gm)) {
      t.ok(known.has(command), `${page}: postern ${command}`)
    }
  }
})

t.test('links between documents lead somewhere', async (t) => {
  for (const page of pages) {
    const text = readFileSync(page, 'utf8')
    for (const [, target = ''] of text.matchAll(/\]\((?!https?:)([^)#]+)[^)]*\)/g)) {
      t.ok(existsSync(join(page, '..', target)), `${page}: ${target}`)
    }
  }
})
