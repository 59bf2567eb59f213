import { readFileSync } from 'node:fs'
import { SaxesParser } from 'saxes'
import t from 'tap'
import { postern } from './command-line.js'

const gateway = `version: 1
addressLimit: { quota: 100, window: 1m }
`
const shared = `upstreams:
  fn: { url: "http://127.0.0.1:9" }
issuers:
  main: { issuer: "https://id.example.com/", audience: a, maxTokenAge: 1h }
`
/** A high finding, a medium one, and a low one that a waiver may take. */
const routes = `routes:
  POST /a:
    upstream: fn
    auth: none
    reason: a test
    request: { contentType: [image/png] }
    rateLimit: { ip: { partitionKey: ip, quota: 9, window: 1m } }
  GET /b:
    upstream: fn
    auth: { jwt: main, scopes: [x] }
    rateLimit: { me: { partitionKey: jwt.sub, quota: 9, window: 1m } }
    inspect: { mode: off }
    response: { headers: { security: off } }
`
const waived = `${gateway}audit:
  waivers:
    pages: { code: audit.security-headers-off, at: GET /b, reason: pages bring their own, owner: web, until: 2999-12-31 }
`
const files = { 'gateway.yaml': waived, 'shared.yaml': shared, 'routes.yaml': routes }
const broken = { ...files, 'routes.yaml': routes.replace('auth: none', 'auth: nine') }

t.test('people see the line, the mend and the risk, and the summary last', async (t) => {
  const folder = t.testdir(files)
  const { code, out, err } = await postern(['check', folder])
  t.equal(code, 0, 'findings alone do not fail, unless asked to')
  t.equal(err, '')
  t.match(
    out,
    /routes\.yaml:4:5 {2}audit\.open-write {2}\(high\)\n {4}4 \| {5}auth: none\n {6}\| {5}\^{4}\n {2}Everyone may call POST \/a/,
  )
  t.match(
    out,
    /\n {2}in routes\.yaml:\n {4}routes:\n {6}POST \/a:\n {8}auth: \{ jwt: main, scopes: \[a:write\] \}\n {2}API2:2023, API5:2023, SAS-2\n/,
  )
  t.match(
    out,
    /\nNo problems in 3 files, \d+ ms\. Plan [0-9a-f]{12}, 2 routes\. Audit \d+\/100: 1 high, 1 medium, 1 waived\.\n$/,
  )
  t.notMatch(out, 'pages bring their own', 'what is waived is counted alone')
  t.match((await postern(['check', folder, '--all'])).out, 'waived until 2999-12-31 by web: pages bring their own')
})

t.test('the exit code follows the bar that was set', async (t) => {
  const folder = t.testdir({
    found: files,
    broken,
    sound: {
      ...files,
      'routes.yaml': routes.replace(/^ {2}POST[\s\S]*?(?= {2}GET)/m, '').replace('    inspect: { mode: off }\n', ''),
    },
  })
  const rows: readonly (readonly [string, string[], number])[] = [
    ['found', [], 0],
    ['found', ['--fail-on', 'error'], 0],
    ['found', ['--fail-on', 'high'], 1],
    ['found', ['--fail-on', 'low'], 1],
    ['found', ['--fail-on', 'never'], 0],
    ['broken', [], 1],
    ['broken', ['--fail-on', 'never'], 0],
    ['sound', ['--fail-on', 'low'], 0],
  ]
  for (const [name, flags, expected] of rows) {
    const { code, out } = await postern(['check', `${folder}/${name}`, ...flags])
    t.equal(code, expected, `${name} ${flags.join(' ')}: ${out.trimEnd().split('\n').at(-1)}`)
  }
  for (const args of [['--fail-on', 'mild'], ['--format', 'yaml'], ['--json=1']]) {
    t.equal((await postern(['check', folder, ...args])).code, 2)
  }
})

t.test('JSON holds problems, findings with patches, and the score', async (t) => {
  const folder = t.testdir(files)
  const { out } = await postern(['check', folder, '--format', 'json'])
  const facts = JSON.parse(out)
  t.match(facts, {
    ok: true,
    problems: [],
    score: { version: 2, points: Number, areas: { access: { cost: Number, cap: 25 } } },
  })
  t.match(facts.findings, [
    {
      code: 'audit.open-write',
      severity: 'high',
      place: { file: 'routes.yaml', line: 4, column: 5 },
      subjects: ['POST /a'],
      risks: ['API2:2023', 'API5:2023', 'SAS-2'],
      patches: [{ file: 'routes.yaml', yaml: /^routes:\n {2}POST \/a:\n/ }],
      waiver: null,
    },
    { code: 'audit.inspect-off' },
    { code: 'audit.security-headers-off', waiver: { name: 'pages', owner: 'web' } },
  ])
  t.equal(
    (await postern(['check', folder, '--json'])).out.replace(/"tookMs": \d+/, ''),
    out.replace(/"tookMs": \d+/, ''),
  )
})

t.test('SARIF 2.1.0: rules, results, regions from 1, waivers as suppressions', async (t) => {
  const folder = t.testdir({ 'my policies': files, broken })
  const { out } = await postern(['check', 'my policies', '--format', 'sarif'], { cwd: folder })
  const log = JSON.parse(out)
  t.equal(log.version, '2.1.0')
  const [run] = log.runs
  t.match(run.tool.driver, { name: 'Postern', semanticVersion: /^\d/ })
  const ids: string[] = run.tool.driver.rules.map(({ id }: { id: string }) => id)
  t.same(ids, [...new Set(ids)].sort(), 'each rule once')
  for (const result of run.results) {
    t.equal(ids[result.ruleIndex], result.ruleId)
    t.match(result.level, /^(error|warning|note)$/)
    t.ok(result.message.text.length > 10)
    const { artifactLocation, region } = result.locations[0].physicalLocation
    t.equal(artifactLocation.uri, 'my%20policies/routes.yaml', 'a URI below the working folder')
    t.ok(region.startLine >= 1 && region.startColumn >= 1 && region.endColumn > region.startColumn)
    t.match(result.partialFingerprints['posternFinding/v1'], /^[0-9a-f]{64}$/)
  }
  t.match(
    run.results.map(({ ruleId, level, suppressions }: Record<string, unknown>) => [ruleId, level, suppressions]),
    [
      ['audit.open-write', 'error', undefined],
      ['audit.inspect-off', 'warning', undefined],
      ['audit.security-headers-off', 'note', [{ kind: 'external', status: 'accepted', justification: /pages bring/ }]],
    ],
  )
  t.match(run.tool.driver.rules[ids.indexOf('audit.open-write')], {
    shortDescription: { text: /\.$/ },
    properties: { 'security-severity': '8.0', tags: ['security', 'API2:2023', 'API5:2023', 'SAS-2'] },
  })
  const refused = JSON.parse((await postern(['check', `${folder}/broken`, '--format', 'sarif'])).out)
  t.match(refused.runs[0].results, [{ level: 'error' }])
  t.match(
    refused.runs[0].results[0].locations[0].physicalLocation.artifactLocation.uri,
    /^(file:\/\/|.*broken\/routes\.yaml$)/,
  )
  const moved = { ...files, 'routes.yaml': `# one line more\n${routes}` }
  const again = JSON.parse((await postern(['check', t.testdir(moved), '--format', 'sarif'])).out)
  t.same(
    again.runs[0].results.map(({ partialFingerprints }: Record<string, unknown>) => partialFingerprints),
    run.results.map(({ partialFingerprints }: Record<string, unknown>) => partialFingerprints),
    'a finding keeps its identity when lines move',
  )
})

t.test('annotations of GitHub Actions, one line each, whatever a policy says', async (t) => {
  const folder = t.testdir({ ...files, 'routes.yaml': routes.replaceAll('POST /a', '"POST /a%0A"') })
  const { out, code } = await postern(['check', folder, '--format', 'github'])
  const lines = out.trimEnd().split('\n')
  const commands = lines.filter((line) => line.startsWith('::'))
  t.ok(commands.length >= 1)
  for (const line of commands)
    t.match(line, /^::(error|warning|notice) file=[^,]+,line=\d+,col=\d+,endColumn=\d+,title=[a-z.-]+::\S/)
  t.match(lines.at(-1), / in 3 files, \d+ ms\. /, 'the summary is the last line')
  t.equal(lines.length, commands.length + 1)
  t.notMatch(out, 'security-headers-off', 'what is waived annotates nothing')
  t.type(code, 'number')
})

t.test('JUnit is well-formed XML in which the bar decides what fails', async (t) => {
  const folder = t.testdir({ found: files, broken })
  const read = async (args: string[]) => {
    const { out } = await postern(['check', ...args, '--format', 'junit'])
    const cases: string[] = []
    const ends: string[] = []
    const parser = new SaxesParser()
    parser.on('opentag', ({ name, attributes }) => {
      if (name === 'testcase') cases.push(String(attributes['name']))
      if (name === 'failure' || name === 'skipped' || name === 'system-out') ends.push(name)
    })
    parser.on('error', (error) => {
      throw error
    })
    parser.write(out).close()
    return { cases, ends, out }
  }
  const mild = await read([`${folder}/found`])
  t.same(mild.ends, ['system-out', 'system-out', 'skipped'])
  t.match(mild.out, '<testsuites tests="4" failures="0" skipped="1"')
  t.match(mild.cases[1], 'audit.open-write at routes.yaml:4:5')
  const strict = await read([`${folder}/found`, '--fail-on', 'medium'])
  t.same(strict.ends, ['failure', 'failure', 'skipped'])
  const refused = await read([`${folder}/broken`])
  t.same(refused.ends, ['failure', 'failure'], 'the set, and the problem')
})

t.test('no format shows a credential or a control character of a policy', async (t) => {
  const key = `ghp_${'q8Zr3WxT7mKp2VnB9sLd'.repeat(2)}`
  const text = routes.replace(
    'response:',
    `forward: { headers: { set: { x-key: ${key} } } } # \u001b[31m <&>"\n    response:`,
  )
  const folder = t.testdir({
    ...files,
    'routes.yaml': text.replaceAll('\u001b', ''),
    'bad.yaml': `routes:\n  GET /c: { upstrem: "${key}" }\n`,
  })
  const whole = t.testdir({ ...files, 'routes.yaml': text.replaceAll('\u001b', '') })
  for (const where of [folder, whole]) {
    for (const format of ['human', 'json', 'sarif', 'github', 'junit']) {
      const { out, err } = await postern(['check', where, '--format', format, '--all'])
      t.ok(out.length > 0)
      t.notOk(`${out}${err}`.includes(key), `${format} keeps it to itself`)
    }
  }
})

t.test('a pipeline without secrets judges everything else', async (t) => {
  const secret = 'secrets: { key: { env: NOBODY_SETS_THIS } }\n'
  const signIn = 'auth: { header: { name: x-key, value: "${secret:key}" } }'
  const text = shared.replace('"http://127.0.0.1:9"', `"http://127.0.0.1:9", ${signIn}`)
  const folder = t.testdir({ ...files, 'gateway.yaml': waived + secret, 'shared.yaml': text })
  t.match(await postern(['check', folder]), { code: 1, out: /policy\.secret-missing/ })
  t.match(await postern(['check', folder, '--without-secrets']), { code: 0, out: /\nNo problems in 3 files/ })
  t.match(await postern(['check', folder, '--without-secrets', '--fail-on', 'high']), { code: 1 })
})

t.test('a thousand findings stay readable, and --all shows every one', async (t) => {
  const many = Array.from({ length: 40 }, (_, i) => `  GET /r${i}: { upstream: fn, auth: { jwt: main, scopes: [x] } }`)
  const folder = t.testdir({
    'gateway.yaml': gateway,
    'shared.yaml': shared,
    'many.yaml': `routes:\n${many.join('\n')}\n`,
  })
  const { out } = await postern(['check', folder])
  t.equal(out.match(/audit\.limit-missing {2}\(medium\)/g)?.length, 3)
  t.match(
    out,
    /37 more {2}audit\.limit-missing\n {2}many\.yaml:5, many\.yaml:6, many\.yaml:7, many\.yaml:8, … {2}\(--all shows every one\)/,
  )
  t.match(out, /Audit 95\/100: 40 medium\.\n$/)
  t.equal((await postern(['check', folder, '--all'])).out.match(/audit\.limit-missing {2}\(medium\)/g)?.length, 40)
})

t.test('the table of codes in the documents is the one that ships', async (t) => {
  const { auditCodes, catalog } = await import('../../src/policy/audit/catalog.js')
  const { caps, weights, scoreVersion } = await import('../../src/policy/audit/score.js')
  const page = readFileSync('docs/audit.md', 'utf8')
  for (const code of auditCodes) {
    const { severity, area, risks, about } = catalog[code]
    t.ok(page.includes(`| \`${code}\` | ${severity} | ${area} | ${about} | ${risks.join(', ')} |`), code)
  }
  for (const [area, cap] of Object.entries(caps)) t.match(page, new RegExp(`\\| ${area} \\| ${cap} \\|`))
  for (const [severity, weight] of Object.entries(weights))
    t.match(page, new RegExp(`\\| ${severity} \\| ${weight} \\|`))
  t.match(page, `Version ${scoreVersion}`)
})
