import t from 'tap'
import { clientAddress } from '../../src/gateway/client-address.js'

const proxies = ['10.0.0.0/8', '2001:db8:aaaa::/48', '127.0.0.1']

t.test('without trusted proxies the peer is the client, whatever headers say', (t) => {
  const { read, isTrusted } = clientAddress([])
  const headers = ['X-Forwarded-For', '203.0.113.9', 'X-Forwarded-Proto', 'https', 'X-Forwarded-Host', 'evil.example']
  t.same(read('198.51.100.1', headers), { address: '198.51.100.1' })
  t.same(read('::ffff:198.51.100.1', headers), { address: '198.51.100.1' })
  t.same(read('10.0.0.1', headers), { address: '10.0.0.1' })
  t.same(read('', headers), { address: '' }, 'a socket that has gone')
  t.equal(isTrusted('10.0.0.1'), false)
  t.end()
})

t.test('the client is the first address from the right that is no trusted proxy', (t) => {
  const { read } = clientAddress(proxies)
  const rows: readonly [why: string, peer: string, forwardedFor: readonly string[], address: string][] = [
    ['a stranger is not believed', '198.51.100.1', ['203.0.113.9'], '198.51.100.1'],
    ['one proxy', '10.0.0.1', ['203.0.113.9'], '203.0.113.9'],
    ['a mapped peer', '::ffff:10.0.0.1', ['203.0.113.9'], '203.0.113.9'],
    ['two proxies', '10.0.0.1', ['203.0.113.9, 10.0.0.2'], '203.0.113.9'],
    ['what the client put in front is not reached', '10.0.0.1', ['1.2.3.4, 203.0.113.9'], '203.0.113.9'],
    ['nor a proxy it claims to be', '10.0.0.1', ['10.0.0.7, 203.0.113.9'], '203.0.113.9'],
    ['two lines are one list', '10.0.0.1', ['1.2.3.4', '203.0.113.9', '10.0.0.2'], '203.0.113.9'],
    ['all trusted: the farthest', '10.0.0.1', ['10.0.0.3, 10.0.0.2'], '10.0.0.3'],
    ['no header: the proxy itself', '10.0.0.1', [], '10.0.0.1'],
    ['an empty one too', '10.0.0.1', [''], '10.0.0.1'],
    ['garbage ends the walk at the hop before', '10.0.0.1', ['203.0.113.9, unknown, 10.0.0.2'], '10.0.0.2'],
    ['garbage at the right end', '10.0.0.1', ['203.0.113.9, _hidden'], '10.0.0.1'],
    ['an empty entry', '10.0.0.1', ['203.0.113.9,'], '10.0.0.1'],
    ['a leading zero', '10.0.0.1', ['203.0.113.09'], '10.0.0.1'],
    ['markup', '10.0.0.1', ['<script>'], '10.0.0.1'],
    ['a port', '10.0.0.1', ['203.0.113.9:4711'], '203.0.113.9'],
    ['a bad port', '10.0.0.1', ['203.0.113.9:port'], '10.0.0.1'],
    ['IPv6 in canonical text', '10.0.0.1', ['2001:DB8:0:0::1'], '2001:db8::1'],
    ['IPv6 in brackets with a port', '10.0.0.1', ['[2001:DB8::1]:443'], '2001:db8::1'],
    ['IPv6 with a zone', '10.0.0.1', ['fe80::1%eth0'], 'fe80::1'],
    ['half a bracket', '10.0.0.1', ['[2001:db8::1'], '10.0.0.1'],
    ['IPv4 in brackets', '10.0.0.1', ['[203.0.113.9]'], '10.0.0.1'],
    ['a mapped client', '10.0.0.1', ['::ffff:203.0.113.9'], '203.0.113.9'],
    ['an IPv6 proxy', '2001:db8:aaaa::5', ['2001:db8:bbbb::1'], '2001:db8:bbbb::1'],
    ['spaces and tabs', '10.0.0.1', ['  203.0.113.9 ,\t10.0.0.2  '], '203.0.113.9'],
  ]
  for (const [why, peer, lines, address] of rows) {
    t.equal(
      read(
        peer,
        lines.flatMap((line) => ['X-Forwarded-For', line]),
      ).address,
      address,
      why,
    )
  }
  t.end()
})

t.test('scheme and host come from a trusted proxy alone, the nearest one', (t) => {
  const { read } = clientAddress(proxies)
  const said = ['x-forwarded-proto', 'HTTPS', 'X-Forwarded-Host', 'Shop.example:8443']
  t.match(read('10.0.0.1', said), { scheme: 'https', host: 'shop.example:8443' })
  t.same(read('198.51.100.1', said), { address: '198.51.100.1' })
  t.equal(read('10.0.0.1', ['X-Forwarded-Proto', 'https, http']).scheme, 'http')
  for (const proto of ['', 'ftp', 'https;', 'https evil']) {
    t.equal(read('10.0.0.1', ['X-Forwarded-Proto', proto]).scheme, undefined, proto)
  }
  t.equal(read('10.0.0.1', ['X-Forwarded-Host', '[2001:db8::1]:443']).host, '[2001:db8::1]:443')
  for (const host of ['', 'a b', 'a/b', 'user@host', '-a', 'a:port', 'a\u0000', `${'a'.repeat(300)}`]) {
    t.equal(read('10.0.0.1', ['X-Forwarded-Host', host]).host, undefined, host)
  }
  t.end()
})

t.test('a list of any length is walked in a bounded number of steps', (t) => {
  const { read } = clientAddress(proxies)
  const long = Array.from({ length: 100_000 }, () => '10.0.0.2').join(',')
  const started = performance.now()
  t.equal(read('10.0.0.1', ['X-Forwarded-For', long]).address, '10.0.0.2')
  t.equal(read('10.0.0.1', ['X-Forwarded-For', ','.repeat(100_000)]).address, '10.0.0.1')
  t.equal(read('10.0.0.1', ['X-Forwarded-For', ' '.repeat(100_000)]).address, '10.0.0.1')
  t.ok(performance.now() - started < 500)
  t.end()
})

t.test('a proxy is known in every form of its address', (t) => {
  const { isTrusted } = clientAddress(proxies)
  for (const peer of ['10.0.0.1', '::ffff:10.0.0.1', '127.0.0.1', '2001:DB8:AAAA::1']) t.ok(isTrusted(peer), peer)
  for (const peer of ['11.0.0.1', '127.0.0.2', '2001:db8:bbbb::1', '']) t.notOk(isTrusted(peer), peer)
  t.end()
})
