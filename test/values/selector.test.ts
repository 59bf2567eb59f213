import t from 'tap'
import { addressKey, canonicalAddress } from '../../src/values/address.js'
import { cidrMatcher, parseCidr } from '../../src/values/cidr.js'
import { formatSelector, parseSelector, type Selector } from '../../src/values/selector.js'

t.test('every form of the selector language is read', (t) => {
  const rows: readonly [text: string, selector: Selector, written?: string][] = [
    ['ip', { from: 'ip' }],
    ['route', { from: 'route' }],
    ['client.id', { from: 'client', field: 'id' }],
    ['client.plan', { from: 'client', field: 'plan' }],
    ['jwt.sub', { from: 'jwt', path: ['sub'] }],
    ['jwt.realm.plan', { from: 'jwt', path: ['realm', 'plan'] }],
    ['jwt:/realm/plan', { from: 'jwt', path: ['realm', 'plan'] }, 'jwt.realm.plan'],
    ['jwt:/https:~1~1example.com~1plan', { from: 'jwt', path: ['https://example.com/plan'] }],
    ['jwt:/a~01/0', { from: 'jwt', path: ['a~1', '0'] }, 'jwt.a~1.0'],
    ['header.X-Tenant', { from: 'header', name: 'x-tenant' }, 'header.x-tenant'],
    ['query.page', { from: 'query', name: 'page' }],
    ['query.filter[a.b]', { from: 'query', name: 'filter[a.b]' }],
    ['path.id', { from: 'path', name: 'id' }],
    ['body:/note', { from: 'body', path: ['note'] }],
    ['body:/items/0/sku', { from: 'body', path: ['items', '0', 'sku'] }],
    ['body:/a~1b', { from: 'body', path: ['a/b'] }],
    ['body:/', { from: 'body', path: [''] }],
  ]
  for (const [text, selector, written = text] of rows) {
    t.same(parseSelector(text), { ok: true, selector }, text)
    t.equal(formatSelector(selector), written)
    t.same(parseSelector(written), { ok: true, selector }, `${written}, read back`)
  }
  t.end()
})

t.test('what is no selector is refused with the nearest that is', (t) => {
  const rows: readonly [text: string, hint: string | undefined][] = [
    ['', undefined],
    ['IP', 'Did you mean ip?'],
    ['ipp', 'Did you mean ip?'],
    ['client', undefined],
    ['client.name', undefined],
    ['client.ID', 'Did you mean client.id?'],
    ['clients.id', 'Did you mean client.id?'],
    ['headers.x-id', 'Did you mean header.x-id?'],
    ['jwt', undefined],
    ['jwt.', undefined],
    ['jwt.a..b', undefined],
    ['jwt:', undefined],
    ['jwt:sub', undefined],
    ['jwt:/a~2', undefined],
    ['header.', undefined],
    ['header.x id', undefined],
    ['header:x-id', undefined],
    ['query.', undefined],
    ['path.', undefined],
    ['body.note', 'A field of the body is a JSON pointer: body:/note.'],
    ['body:', undefined],
    ['constructor', undefined],
    ['__proto__', undefined],
    ['cookie.session', undefined],
  ]
  for (const [text, hint] of rows) {
    const result = parseSelector(text)
    t.equal(result.ok, false, text)
    t.equal(result.ok ? '' : result.hint, hint, `${text}: ${hint}`)
    t.match(result.ok ? '' : result.message, /\.$/)
  }
  t.end()
})

t.test('an address has one text', (t) => {
  const rows: readonly [text: string, canonical: string | null][] = [
    ['203.0.113.7', '203.0.113.7'],
    ['::ffff:203.0.113.7', '203.0.113.7'],
    ['::FFFF:CB00:7107', '203.0.113.7'],
    ['0:0:0:0:0:ffff:cb00:7107', '203.0.113.7'],
    ['2001:DB8::1', '2001:db8::1'],
    ['2001:0db8:0000:0000:0000:0000:0000:0001', '2001:db8::1'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['fe80::1%eth0', 'fe80::1'],
    ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
    ['::', '::'],
    ['::1', '::1'],
    ['1::', '1::'],
    ['', null],
    ['localhost', null],
    ['203.0.113.07', null],
    ['203.0.113', null],
    ['0x7f.1', null],
    ['3405803783', null],
    ['2001:db8::1::', null],
    ['[2001:db8::1]', null],
    [':'.repeat(10_000), null],
  ]
  for (const [text, canonical] of rows) t.equal(canonicalAddress(text), canonical, text.slice(0, 50))
  t.end()
})

t.test('all addresses of one IPv6 /64 are one key, and the next /64 is another', (t) => {
  const same = ['2001:db8::1', '2001:db8::', '2001:db8::ffff:ffff:ffff:ffff', '2001:db8::1:0:0:1']
  for (const address of same) t.equal(addressKey(address), addressKey('2001:db8::2'), address)
  t.equal(addressKey('1:2:3::5'), addressKey('1:2:3:0:5:6:7:8'), 'however its zeros are left out')
  t.equal(addressKey('::1:2:3:4:5:6'), addressKey('0:0:1:2:9:9:9:9'))
  t.equal(addressKey('1:2:3:4::'), addressKey('1:2:3:4:5:6:7:8'))
  t.not(addressKey('2001:db8:0:1::1'), addressKey('2001:db8::1'))
  t.not(addressKey('1:2:3:4::'), addressKey('1:2:3:5::'))
  t.equal(addressKey('203.0.113.7'), '203.0.113.7', 'an IPv4 address stands for itself')
  t.end()
})

t.test('a block holds its addresses and no others', (t) => {
  const rows: readonly [block: string, inside: readonly string[], outside: readonly string[]][] = [
    ['10.0.0.0/8', ['10.0.0.0', '10.255.255.255'], ['11.0.0.0', '9.255.255.255', '::1']],
    ['10.1.2.3/8', ['10.200.0.1'], ['11.0.0.1']],
    ['203.0.113.7', ['203.0.113.7'], ['203.0.113.8']],
    ['0.0.0.0/0', ['1.2.3.4'], ['2001:db8::1']],
    ['::/0', ['2001:db8::1', '::1'], []],
    ['2001:db8::/33', ['2001:db8:7fff::1'], ['2001:db8:8000::1', '10.0.0.1']],
    ['::ffff:10.0.0.0/104', ['10.9.9.9'], ['11.0.0.1']],
    ['::1', ['::1'], ['::2']],
  ]
  for (const [block, inside, outside] of rows) {
    const matches = cidrMatcher([block])
    for (const address of inside) t.ok(matches(address), `${address} in ${block}`)
    for (const address of outside) t.notOk(matches(address), `${address} not in ${block}`)
    for (const address of inside) t.ok(matches(address), `${address} in ${block}, asked again`)
  }
  t.notOk(cidrMatcher([])('10.0.0.1'))
  const many = cidrMatcher(['10.0.0.0/8'])
  let wrong = 0
  for (let i = 0; i < 10_000; i++) if (many(`10.0.${i >> 8}.${i & 255}`) !== true) wrong++
  t.equal(wrong, 0, 'what is remembered is bounded, and right')
  t.throws(() => cidrMatcher(['ten']), /no CIDR block/)
  t.end()
})

t.test('what is no block is refused', (t) => {
  for (const text of [
    '',
    '/8',
    '10.0.0.0/',
    '10.0.0.0/33',
    '10.0.0.0/08',
    '10.0.0.0/-1',
    '10.0.0.0/8/8',
    '2001:db8::/129',
    '10.0/16',
    'all',
    'fe80::1%eth0/64',
    '::ffff:10.0.0.0/90',
  ]) {
    t.equal(parseCidr(text), null, text)
  }
  t.same(parseCidr('2001:DB8::/32'), { family: 'ipv6', address: '2001:db8::', prefix: 32 })
  t.end()
})
