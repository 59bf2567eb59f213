import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { postern } from './command-line.js'

t.test('a value is tried, decoding by decoding, and the answer says why', async (t) => {
  const { code, out } = await postern(['inspect', "1%27%20OR%20'a'%3D'a"])
  t.equal(code, 1)
  t.match(out, /1\. as it came: 1%27/)
  t.match(out, /2\. percent: 1' OR 'a'='a\n +sqli: tautology at 3/)
  t.match(out, /=> inspect\.sqli, tautology\. A value would change the structure of an SQL statement\./)
  t.match(out, /exceptions: \{ NAME: \{ rule: sqli, at: "body:\/value"/)
})

t.test('its harmless twin passes, from the command line as from stdin', async (t) => {
  for (const { code, out } of [
    await postern(['inspect', "O'Brien or O'Neill"]),
    await postern(['inspect', '-'], { input: "O'Brien or O'Neill\n" }),
  ]) {
    t.equal(code, 0)
    t.match(out, /1\. as it came: O'Brien or O'Neill\n\n=> passes as body:\/value, profile api\n$/)
  }
})

t.test('the place, the profile and the kind of text count as they would in a policy', async (t) => {
  t.equal((await postern(['inspect', '--at', 'header:/user-agent', 'sqlmap/1.7'])).code, 1)
  t.equal((await postern(['inspect', '--at', 'body:/note', 'sqlmap/1.7'])).code, 0)
  const lifted = await postern(['inspect', '--text', 'html', '<script>alert(1)</script>'])
  t.equal(lifted.code, 0)
  t.match(lifted.out, /=> passes: a field that holds html does without xss/)
  const long = `${'Please look at this for me when you have the time, it is the thing we have. '.repeat(6)}; id`
  t.equal((await postern(['inspect', long])).code, 0)
  t.equal((await postern(['inspect', '--profile', 'strict', long])).code, 1)
})

t.test('a text of JSON in base64 is followed to the value inside', async (t) => {
  const value = Buffer.from('{"a":["<script>alert(1)</script>"]}').toString('base64')
  t.match((await postern(['inspect', value])).out, /2\. base64: .*\n +inside it, at \/a\/0: <script>/)
  const { out } = await postern(['inspect', '--json', value])
  t.match(JSON.parse(out), { isStopped: true, verdict: { detector: 'xss', inside: '/a/0' } })
})

t.test('a file of labelled requests is scored', async (t) => {
  const file = join(mkdtempSync(join(tmpdir(), 'postern-test-')), 'cases.jsonl')
  const cases = [
    ['attack', 'sqli', { method: 'GET', path: '/v1/a', query: "q=1'%20OR%20'a'='a" }],
    ['attack', 'sqli', { method: 'GET', path: '/v1/a', query: 'q=2' }],
    ['attack', 'xss', { method: 'POST', path: '/v1/a', contentType: 'application/json', body: '{"a":1,"a":2}' }],
    ['benign', 'text', { method: 'POST', path: '/v1/a', contentType: 'application/json', body: '{"a":"it\'s"}' }],
    ['benign', 'text', { method: 'GET', path: '/v1/a', query: 'file=../../etc/passwd' }],
  ].map(([label, category, request]) => JSON.stringify({ id: 'x', source: 'own', label, category, request }))
  writeFileSync(file, `${cases.join('\n')}\n`)
  const { code, out } = await postern(['inspect', '--corpus', file, '--show', '5'])
  t.equal(code, 0)
  t.match(out, /missed {2}sqli: GET \/v1\/a\?q=2/)
  t.match(out, /stopped {2}text: path-traversal: climb/)
  t.match(out, /attack +sqli +2 +1 +0 +50\.00\n/)
  t.match(out, /attack +xss +1 +0 +1 +100\.00\n/)
  t.match(out, /benign +\(all\) +2 +1 +0 +50\.00\n/)
  t.match(JSON.parse((await postern(['inspect', '--corpus', file, '--json', '--by', 'source'])).out), {
    groups: [{ name: 'own', count: 3 }, { count: 2 }],
  })
})

t.test('what cannot be asked is said in one sentence', async (t) => {
  const file = join(mkdtempSync(join(tmpdir(), 'postern-test-')), 'odd.jsonl')
  writeFileSync(file, '{"label":"maybe"}\n')
  for (const [args, says, exit] of [
    [['inspect'], /What shall be inspected\?/, 2],
    [['inspect', '--at', 'note', 'x'], /--at wants a place/, 2],
    [['inspect', '--text', 'verse', 'x'], /--text is one of prose, code/, 2],
    [['inspect', 'x', '--corpus', 'y'], /Either a VALUE or --corpus FILE/, 2],
    [['inspect', '--corpus', 'nowhere.jsonl'], /nowhere\.jsonl cannot be read: ENOENT/, 1],
    [['inspect', '--corpus', 'policies'], /policies cannot be read: EISDIR/, 1],
    [['inspect', '--corpus', file], /odd\.jsonl:1 is no case/, 1],
  ] as const) {
    const { code, err } = await postern([...args])
    t.equal(code, exit, args.join(' '))
    t.match(err, says)
  }
})
