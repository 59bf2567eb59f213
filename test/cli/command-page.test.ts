import { execFile } from 'node:child_process'
import { chmodSync, cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { postern, script } from './command-line.js'

const page = 'docs/commands.md'

/** What differs from run to run and from machine to machine. */
function constant(text: string): string {
  return text
    .replaceAll(`node ${script}`, 'postern')
    .replaceAll(/\b\d+ ms\b/g, '40 ms')
    .replaceAll(/\b\d+(\.\d+)? s\b/g, '1 s')
    .replaceAll(/Plan [0-9a-f]{12}/g, 'Plan 0123456789ab')
    .replaceAll(/(requestId: |id )[0-9A-HJKMNP-TV-Z]{26}/g, '$1…')
    .replaceAll(/ +$/gm, '')
    .trimEnd()
}

t.test('what the page of commands shows is what they print', async (t) => {
  const cwd = t.testdir({ bin: {}, 'empty.log': '' })
  // A shell line of the page finds the command of this very build.
  writeFileSync(join(cwd, 'bin/postern'), `#!/bin/sh\nexec "${process.execPath}" "${script}" "$@"\n`)
  chmodSync(join(cwd, 'bin/postern'), 0o755)
  const run = (line: string): Promise<string> => {
    // Each line begins with the examples as they are.
    cpSync('policies', join(cwd, 'policies'), { recursive: true, force: true })
    const env = { PATH: `${join(cwd, 'bin')}:${process.env['PATH'] ?? ''}`, NO_COLOR: '1' }
    return new Promise((resolve) => {
      execFile('sh', ['-c', `${line} 2>&1`], { cwd, env }, (_error, out) => resolve(constant(out)))
    })
  }
  const text = readFileSync(page, 'utf8')
  let written = text
  for (const [block, line = '', shown = ''] of text.matchAll(/^```\n\$ (.*)\n([\s\S]*?)^```$/gm)) {
    const out = await run(line)
    if (process.env['UPDATE'] === '1') written = written.replace(block, () => `\`\`\`\n$ ${line}\n${out}\n\`\`\``)
    else t.equal(constant(shown), out, line)
  }
  if (process.env['UPDATE'] === '1') writeFileSync(page, written)
  t.ok([...text.matchAll(/^\$ /gm)].length >= 10)
})

t.test('every command has a help that says what it does, with lines to copy', async (t) => {
  const names = [...(await postern(['--help'])).out.matchAll(/^ {2}([a-z]+) {2,}/gm)].map(([, name = '']) => name)
  t.ok(names.length >= 12, names.join(' '))
  for (const name of names) {
    const { code, out, err } = await postern([name, '--help'])
    t.equal(code, 0, name)
    t.equal(err, '')
    t.match(out, new RegExp(`^usage  postern ${name}`), name)
    if (name === 'version') continue
    const [, examples = ''] = out.split('\nexamples\n')
    t.match(examples, new RegExp(`^  .*postern ${name}`, 'm'), `${name} shows an example`)
  }
})
