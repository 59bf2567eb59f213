import { brotliCompressSync, gzipSync } from 'node:zlib'
import t from 'tap'
import { plainStart } from '../../src/stages/response/body.js'
import { leaksIn } from '../../src/stages/response/leaks.js'
import { compileOwnHost } from '../../src/stages/response/own-host.js'
import { compileRedaction } from '../../src/stages/response/redact-json.js'
import { traceIn } from '../../src/stages/response/stack-trace.js'
import { response } from '../../src/stages/response/stage.js'
import { makeScope } from '../support/stage-scope.js'

t.test('a stack trace is known by its frames, whatever wrote it and whatever wraps it', (t) => {
  const node =
    'TypeError: x is not a function\n    at handler (/var/task/index.js:10:15)\n    at async run (node:x:1:2)'
  const rows: readonly [language: string, text: string][] = [
    ['node', node],
    ['node', JSON.stringify({ message: 'no', stack: node })],
    ['node', JSON.stringify({ errorType: 'Error', trace: node.split('\n') })],
    ['node', `<pre>${node.replaceAll('\n', '<br> &nbsp;')}</pre>`],
    ['node', 'at Module._compile (node:internal/modules/cjs/loader:1554:14)'],
    ['node', 'Error\n    at new Promise (<anonymous>)'],
    ['node', 'at file:///app/dist/main.mjs:3:9'],
    ['python', 'Traceback (most recent call last):\n  File "/var/task/app.py", line 7, in handler'],
    ['python', JSON.stringify({ stackTrace: ['  File "/var/task/app.py", line 7, in handler\n    raise X'] })],
    ['java', 'java.lang.IllegalStateException: no\n\tat com.shop.Orders.find(Orders.java:42)'],
    ['java', 'at jdk.internal.reflect.DirectMethodHandleAccessor.invoke(Unknown Source)'],
    ['java', 'Exception in thread "main" java.lang.Error'],
    ['java', '{"errorType":"java.lang.Error","stackTrace":["shop.Handler.handleRequest(Handler.java:12)","x"]}'],
    ['java', '{"stackTrace":["x","shop.Handler$1.run(Handler.kt:3)"]}'],
    ['java', JSON.stringify({ trace: 'x\r\n\tat shop.OrderKt.find(Order.kt:7)\r\n' })],
    ['dotnet', '   at Shop.Orders.Find(String id) in C:\\src\\Orders.cs:line 42'],
    ['dotnet', '   at System.String.Concat(String a)\n   at Shop.Orders.Find(String id)'],
    ['dotnet', 'x\n--- End of inner exception stack trace ---\n'],
    ['go', 'panic: runtime error\n\ngoroutine 17 [running]:\nmain.main()'],
    ['go', '\t/app/main.go:12 +0x1d'],
    ['go', 'panic: runtime error: index out of range [5] with length 3'],
    ['go', '{"errorType":"errorString","stackTrace":[{"path":"shop/main.go","line":12,"label":"main"}]}'],
    ['php', 'PHP Fatal error:  Uncaught Error: no'],
    ['php', '<br />\n<b>Fatal error</b>:  Uncaught Error in <b>/var/www/a.php</b> on line <b>3</b>'],
    ['php', 'Stack trace:\n#0 /var/www/a.php(12): find()\n#1 {main}'],
    ['php', 'Notice: Undefined index in /var/www/a.php on line 12'],
    ['ruby', "app.rb:12:in 'find': no (RuntimeError)"],
  ]
  for (const [language, text] of rows) t.equal(traceIn(text), language, text.slice(0, 60))
  const harmless = [
    '',
    '{"error":"not found"}',
    '{"message":"Meet us at 12:30:45"}',
    'Order placed\nat Berlin (Mitte)\nat noon',
    'at example.com (our shop) you find more',
    'The file "order.csv", line 7 has no price',
    '{"errors":[{"at":"body:/qty","rule":"minimum"}]}',
    'Fatal error: the order is cancelled',
    'Ticket #12 is closed',
    'See https://shop.example/help.php?line=3',
    'goroutines are cheap',
    'Read Handler.java (line 12) and Main.go',
    '{"stackTrace":[]}',
    'do not panic: runtime is short',
    '<html><body><h1>404 Not Found</h1></body></html>',
  ]
  for (const text of harmless) t.equal(traceIn(text), null, text)
  t.end()
})

t.test('looking for traces takes linear time', (t) => {
  const hostile = [
    'at ',
    '"at ',
    '#1 ',
    '<br',
    'at a.b(',
    '.go:1',
    '(a.java:1',
    '(aaaa',
    'File "',
    '\\n',
    ' ',
    'node:a',
    '.php',
  ]
  for (const piece of hostile) {
    const text = piece.repeat(Math.ceil(16_384 / piece.length))
    const started = performance.now()
    traceIn(text)
    leaksIn(Buffer.from(text))
    t.ok(performance.now() - started < 60, JSON.stringify(piece))
  }
  t.end()
})

t.test('an encoded beginning is read under a cap, and the unreadable is nothing', (t) => {
  const text = `Error\n    at handler (/var/task/index.js:10:15)\n${'-'.repeat(40_000)}`
  const read = (bytes: Buffer, coding: string | null) => plainStart(bytes, coding)?.toString().slice(0, 5)
  t.equal(read(Buffer.from(text), null), 'Error')
  t.equal(read(gzipSync(text), 'gzip'), 'Error')
  t.equal(read(gzipSync(text).subarray(0, 60), 'gzip'), 'Error', 'a beginning is enough')
  t.equal(read(brotliCompressSync(text), 'br'), 'Error')
  t.equal(read(Buffer.from(text), 'gzip'), undefined, 'what is no gzip')
  t.equal(read(Buffer.from(text), 'zstd'), undefined)
  t.equal(read(gzipSync(Buffer.alloc(8 * 1024 * 1024)).subarray(0, 16_384), 'gzip'), undefined, 'a bomb')
  t.end()
})

t.test('fields are taken out of a JSON text, and every other byte stays', (t) => {
  const r = '"[redacted]"'
  const rows: readonly [pointers: string[][], before: string, after: string | null][] = [
    [[['card', 'number']], '{"card":{"number":"4111","to":1}}', `{"card":{"number":${r},"to":1}}`],
    [[['card']], '{ "a" : [1, 2] , "card" : {"n":["}"]} }', `{ "a" : [1, 2] , "card" : ${r} }`],
    [[['a']], '{"a":12345678901234567890,"b":1.10}', `{"a":${r},"b":1.10}`],
    [[['b']], '{"a":12345678901234567890,"b":1.10}', `{"a":12345678901234567890,"b":${r}}`],
    [[['a']], '{"a":1,"b":2,"a":3}', `{"a":${r},"b":2,"a":${r}}`],
    [[['*', 'iban']], '[{"iban":"x"},{"n":1},{"iban":null}]', `[{"iban":${r}},{"n":1},{"iban":${r}}]`],
    [[['l', '1']], '{"l":[true,false,true]}', `{"l":[true,${r},true]}`],
    [
      [
        ['*', 'b'],
        ['a', 'c'],
      ],
      '{"a":{"b":1,"c":2,"d":3}}',
      `{"a":{"b":${r},"c":${r},"d":3}}`,
    ],
    [[['é']], '{"é":"ü","ü":"é"}', `{"é":${r},"ü":"é"}`],
    [[['é']], '{"\\u00e9":1}', `{"\\u00e9":${r}}`],
    [[['a/b']], '{"a\\/b":"\\"","c":1}', `{"a\\/b":${r},"c":1}`],
    [[['a']], '{"b":"{\\"a\\":1}","c":{"a":2}}', null],
    [[['a', 'b']], '{"a":"b"}', null],
    [[['a']], '[1,2]', null],
    [[['a']], '"a"', null],
    [[['a']], ' {} ', null],
    [[['0']], '[]', null],
    [[['__proto__']], '{"__proto__":{"x":1}}', `{"__proto__":${r}}`],
    [[['']], '{"":1,"a":2}', `{"":${r},"a":2}`],
  ]
  for (const [pointers, before, after] of rows) {
    const out = compileRedaction(pointers)(Buffer.from(before))
    t.equal(out === null ? null : out.toString(), after, before)
  }
  const deep = `${'['.repeat(50_000)}${']'.repeat(50_000)}`
  t.equal(compileRedaction([['x']])(Buffer.from(`{"a":${deep},"x":${deep}}`))?.toString(), `{"a":${deep},"x":${r}}`)
  t.end()
})

t.test('where an answer points to stays on the host that the caller knows', (t) => {
  const plain = compileOwnHost({ origin: 'https://abc.lambda-url.eu-west-1.on.aws', basePath: '' })
  const below = compileOwnHost({ origin: 'http://127.0.0.1:9000', basePath: '/v2' })
  const rows: readonly [host: typeof plain, value: string, expected: string | null][] = [
    [plain, 'https://abc.lambda-url.eu-west-1.on.aws/orders/7?x=1#y', '/orders/7?x=1#y'],
    [plain, 'http://ABC.lambda-url.eu-west-1.on.aws:8080/orders', '/orders'],
    [plain, '//abc.lambda-url.eu-west-1.on.aws/orders', '/orders'],
    [plain, 'https://abc.lambda-url.eu-west-1.on.aws', '/'],
    [plain, 'https://abc.lambda-url.eu-west-1.on.aws//evil.test/x', '/evil.test/x'],
    [plain, 'https://abc.lambda-url.eu-west-1.on.aws/\\evil.test', '/evil.test'],
    [plain, '/orders/7', '/orders/7'],
    [plain, 'next?page=2', 'next?page=2'],
    [plain, 'https://id.example/login', 'https://id.example/login'],
    [plain, 'shop://done', 'shop://done'],
    [plain, 'https://[', null],
    [below, 'http://127.0.0.1:9000/v2/orders', '/orders'],
    [below, 'http://127.0.0.1/v2/orders', '/orders'],
    [below, 'http://127.0.0.1:9001/login', 'http://127.0.0.1:9001/login'],
    [below, '/v2/orders', '/orders'],
    [below, '/v2', '/'],
    [below, '/v20/orders', '/v20/orders'],
    [below, '/v2//evil.test', '/evil.test'],
  ]
  for (const [host, value, expected] of rows) t.equal(host.location(value), expected, value)

  const cookies: readonly [host: typeof plain, value: string, expected: string][] = [
    [plain, 'a=1; Path=/; HttpOnly', 'a=1; Path=/; HttpOnly'],
    [plain, 'a=1; Domain=abc.lambda-url.eu-west-1.on.aws; Secure', 'a=1; Secure'],
    [plain, 'a=1; domain=.eu-west-1.on.aws;Secure', 'a=1;Secure'],
    [plain, 'a=1; Domain=shop.example', 'a=1; Domain=shop.example'],
    [plain, 'a=b=c; Domain=bc.lambda-url.eu-west-1.on.aws', 'a=b=c; Domain=bc.lambda-url.eu-west-1.on.aws'],
    [below, 'a=1; Path=/v2/orders', 'a=1; Path=/orders'],
    [below, 'a=1; Domain=127.0.0.1; Path=/v2', 'a=1; Path=/'],
  ]
  for (const [host, value, expected] of cookies) t.equal(host.cookie(value), expected, value)
  t.end()
})

t.test('what a body gives away is named, and never quoted', (t) => {
  const rows: readonly [text: string, names: string[]][] = [
    ['-----BEGIN RSA PRIVATE KEY-----\nMIIE', ['private-key']],
    ['{"k":"AKIAIOSFODNN7EXAMPLE"}', ['cloud-key']],
    ['cannot reach postgres://shop:hunter2@db:5432/shop', ['connection-string']],
    ['SQLSTATE[42000]: Syntax error', ['sql-error']],
    ['cannot open /var/task/config.json on 10.0.3.7', ['file-path', 'private-address']],
    ['{"order":"A-10.5","total":"192.16.0.1","url":"https://shop.example/a"}', []],
    ['-----BEGIN PUBLIC KEY-----', []],
  ]
  for (const [text, names] of rows) t.same(leaksIn(Buffer.from(text)), names, text)
  t.end()
})

t.test('the schema has a step of its own in report mode, and the rest always holds', (t) => {
  const plan = (text: string) => {
    const { scope, findings, section } = makeScope()
    return { steps: response.resolve(section(text), scope), findings }
  }
  const schema = 'schema: { type: object }'
  t.match(plan(`response: { ${schema} }`).steps, [{ mode: 'enforce', settings: { part: 'all', schema: String } }])
  t.match(plan(`response: { ${schema}, mode: report }`).steps, [
    { mode: 'report', settings: { part: 'schema' } },
    { mode: 'enforce', settings: { part: 'guards' } },
  ])
  t.match(plan(`response: { ${schema}, mode: off }`).steps, [{ mode: 'enforce', settings: { schema: null } }])
  t.match(plan('response: { redact: ["body:/a~1b/*/c~0d"] }').steps, [
    { settings: { redact: [['a/b', '*', 'c~d']], maxBytes: 1_048_576 } },
  ])
  t.match(plan('response: { maxBytes: 1GiB }').findings, [{ code: 'response.size-unreadable' }])
  t.ok(plan('response: { schema: { type: nonsense } }').findings[0]?.code.startsWith('response.schema-'))
  t.end()
})
