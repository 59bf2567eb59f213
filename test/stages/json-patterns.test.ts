import t from 'tap'
import { patternProblem } from '../../src/stages/pattern-safety.js'
import { backtrackingSteps } from '../support/backtracking.js'
import { seeded } from '../support/seeded.js'

const exponential: readonly string[] = [
  '^(a+)+$',
  '^(a|a)*$',
  '^(a|ab|b)*c$',
  '^(a*)*$',
  '(a*)*b',
  '^(a|a?)+$',
  '^(a?a?)*$',
  String.raw`^(\w+\s?)*$`,
  '^([a-zA-Z0-9])(([.-]|[_]+)?([a-zA-Z0-9]+))*(@){1}[a-z0-9]+[.]{1}(([a-z]{2,3})|([a-z]{2,3}[.]{1}[a-z]{2,3}))$',
  '^(([a-z])+.)+[A-Z]([a-z])+$',
  String.raw`^(\d+)*$`,
  '^(?:a?b?)*$',
  '^(?:a*b*)*$',
  '^(?=(a+)+b)',
  '^(?!(a|aa)+$)',
  '^(?:[a-z]*-?)*$',
  '^([a-z]+-?)+$',
  '^(.+)+$',
  String.raw`^(\p{L}+)+$`,
  String.raw`^([^"\\]|\\.|\\")*"$`,
  '^(x+x+)+y$',
  '^((ab)*)*$',
  '^(a{1,10}){1,10}$',
  '^(a{1,20}b?){1,20}$',
  String.raw`^(?:\d|\w)+$`,
  '^(?:a(?:b?|c?)d)*$',
  '^([^,]+,?)+;$',
  String.raw`^(https?://)?([\w-]+\.?)+$`,
  '((a+)*b)|c$',
  '^(?:(?:a+)?)+$',
]

const polynomial: readonly string[] = [
  String.raw`\s+$`,
  String.raw`^\s+|\s+$`,
  '^.*a.*b.*$',
  String.raw`^[^@\s]+@[^@\s]+\.[^@\s]+$`,
  String.raw`\w+@\w+\.com`,
  '^.{1,5000}.{1,5000}$',
  '<.*>',
  String.raw`^\d+\d+$`,
  'a*b',
  '^[a-z]*[a-y]*z$',
  String.raw`^\d*\.?\d*\.?\d*$`,
  String.raw`^\w*\d*\w*!$`,
  '(.*)=(.*);',
]

/** As bad, but the shown text needs one more thing at its end to do harm. */
const subtle: readonly string[] = ['^(?:(?=.*x)a)*$', String.raw`^\s*(.*?)\s*$`, '^a(?:b.*.*c)?$', '^(?:a(?:.*x)?)*']

const unsupported: readonly string[] = [String.raw`^(a)\1$`, String.raw`^(?<q>['"]).*\k<q>$`, '(?<=a+)b', '(?<!x*)y']

const invalid: readonly string[] = [
  '(',
  '[z-a]',
  'a{2,1}',
  String.raw`\_`,
  '*',
  '(?i)abc',
  String.raw`\p{Nonsense}`,
  ')',
]

const harmless: readonly string[] = [
  '',
  '^$',
  'abc',
  'a+',
  '[a-z]+',
  '^[a-z0-9-]{1,40}$',
  String.raw`^(?:[a-z]+\.)*[a-z]+$`,
  '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$',
  '^[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$',
  String.raw`^\d{4}-\d{2}-\d{2}$`,
  String.raw`^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])$`,
  String.raw`^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}:\d{2})$`,
  String.raw`^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-((?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)(?:\.(?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*))*))?(?:\+([0-9a-zA-Z-]+(?:\.[0-9a-zA-Z-]+)*))?$`,
  String.raw`^(?=.*[A-Z])(?=.*\d).{8,}$`,
  String.raw`^(?=.*[a-z])(?=.*[A-Z])(?=.*\d)[A-Za-z\d]{8,64}$`,
  '^[a-z0-9]+(?:-[a-z0-9]+)*$',
  String.raw`^[^@\s]+@[^@\s.]+(?:\.[^@\s.]+)+$`,
  '^[a-z]{1,64}[a-z0-9]{1,64}$',
  '^(?:[0-9a-fA-F]{1,4}:){7}[0-9a-fA-F]{1,4}$',
  String.raw`^(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?!$)|$)){4}$`,
  '^(?!.*--)[a-z-]+$',
  String.raw`^[\s\S]*$`,
  String.raw`^https?://[^\s/]+(?:/[^\s]*)?$`,
  '^(a|b|c)$',
  String.raw`\d{3,}`,
  String.raw`^\+?[0-9 ()-]{7,20}$`,
  String.raw`^\+[1-9]\d{1,14}$`,
  '^[A-Z]{2}(?:[ ]?[0-9]){2,20}$',
  '^[A-Za-z0-9+/]*={0,2}$',
  '^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$',
  String.raw`^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$`,
  String.raw`^[\p{L}\p{M}' -]{1,100}$`,
  String.raw`^\p{L}+\p{N}+$`,
  String.raw`^\p{Lu}\p{Ll}*$`,
  String.raw`^-?\d+(?:\.\d+)?$`,
  String.raw`^[a-z]+\.[a-z]+$`,
  String.raw`^(\w{1,3}){1,3}$`,
  String.raw`^[a-z0-9!#$%&'*+/=?^_{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_{|}~-]+)*@(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$`,
  String.raw`^[\w.-]+$`,
  '^SKU-[0-9]{6}$',
  '^[A-Z]{3}$',
  '^#(?:[0-9a-fA-F]{3}){1,2}$',
  String.raw`^(?:\d{4}[ -]?){3}\d{4}$`,
  String.raw`^\$?\d{1,3}(?:,\d{3})*(?:\.\d{2})?$`,
  String.raw`^arn:aws:[a-z0-9-]+:[a-z0-9-]*:\d{12}:.+$`,
  String.raw`^v\d+$`,
  '^(?:[a-z]{2}|[a-z]{2}-[A-Z]{2})$',
  '^a*b*$',
  '^(?:a|b)*$',
  String.raw`^(?:.|\n)*$`,
  '^(a|ab)*c$',
  String.raw`^"(?:[^"\\]|\\.)*"$`,
  '^[^<>]*$',
  String.raw`^\S(?:.*\S)?$`,
  '^/(?:[a-z0-9_-]+/)*[a-z0-9_-]*$',
  '^x-',
  '^[0-9]+(?:ms|s|m|h)$',
  String.raw`^(?:[01]\d|2[0-3]):[0-5]\d$`,
  String.raw`^P(?:\d+Y)?(?:\d+M)?(?:\d+D)?(?:T(?:\d+H)?(?:\d+M)?(?:\d+S)?)?$`,
  '^(?:GET|POST|PUT|PATCH|DELETE)$',
  '^[a-f0-9]{64}$',
  '^cus_[A-Za-z0-9]{14,}$',
  String.raw`^(?<year>\d{4})$`,
  '(?<=^x)y',
  String.raw`^\u{1F600}+$`,
]

t.test('a pattern that can take exponential time is refused, whatever the length of the text', async (t) => {
  for (const pattern of exponential) {
    t.equal(patternProblem(pattern, 64)?.what, 'backtracks', pattern)
    t.match(patternProblem(pattern, null)?.message, /exponential time on a text such as ".*" × 30 \+ ".+"/, pattern)
  }
})

t.test('a pattern that takes a power of the length is refused, unless maxLength keeps the text short', async (t) => {
  for (const pattern of [...polynomial, ...subtle]) {
    const problem = patternProblem(pattern, null)
    t.equal(problem?.what, 'backtracks', pattern)
    t.match(problem?.hint, /Anchor it with \^|share no character/, pattern)
  }
  t.equal(patternProblem(String.raw`\s+$`, 256), null, 'short texts make a square small')
  t.equal(patternProblem(String.raw`\s+$`, 257)?.what, 'backtracks')
  t.match(patternProblem(String.raw`\s+$`, null)?.hint, /"maxLength": 256/)
  t.equal(patternProblem('^.*a.*b.*$', 40), null, 'a cube needs a shorter bound')
  t.equal(patternProblem('^.*a.*b.*$', 256)?.what, 'backtracks')
})

t.test('a pattern whose time cannot be bounded, or that is none, is refused with its reason', async (t) => {
  for (const pattern of unsupported) {
    t.match(patternProblem(pattern, null)?.message, /backreference|lookbehind/, pattern)
  }
  for (const pattern of invalid) t.equal(patternProblem(pattern, null)?.what, 'invalid', pattern)
})

t.test('patterns that honest schemas use are accepted', async (t) => {
  for (const pattern of harmless) t.equal(patternProblem(pattern, null), null, pattern)
})

t.test('the attack shown in the message is a real one', async (t) => {
  for (const pattern of exponential) {
    const attack = attackIn(patternProblem(pattern, null)?.message ?? '')
    t.ok(
      backtrackingSteps(pattern, attack(5), 5_000_000) > 1.5 * backtrackingSteps(pattern, attack(4), 5_000_000),
      pattern,
    )
    t.equal(backtrackingSteps(pattern, attack(30), 50_000), Number.POSITIVE_INFINITY, pattern)
  }
  for (const pattern of polynomial) {
    if (pattern === '^.{1,5000}.{1,5000}$') continue // its writing-out alone would take the engine too long
    const attack = attackIn(patternProblem(pattern, null)?.message ?? '')
    const [short, long] = [40, 80].map((length) => backtrackingSteps(pattern, attack(length), 5_000_000))
    t.ok((long ?? 0) > 3 * (short ?? 0), `${pattern} takes more than twice as long on twice as much`)
  }
})

/** The text that a message shows, with as many rounds as asked. */
function attackIn(message: string): (rounds: number) => string {
  const shown = /such as (?:("(?:[^"\\]|\\.)*") \+ )?("(?:[^"\\]|\\.)*") × [0-9,]+ \+ (".*")/.exec(message)
  const [prefix, pump, tail] = [1, 2, 3].map((i): string => JSON.parse(shown?.[i] ?? '""'))
  return (rounds) => `${prefix}${pump?.repeat(rounds)}${tail}`
}

t.test('no accepted pattern runs away on any text that repeats something', async (t) => {
  const random = seeded(20)
  const pick = (choices: readonly string[]) => choices[Math.floor(random() * choices.length)] ?? ''
  const term = (depth: number): string => {
    const rounds = pick(['', '', '', '*', '+', '?', '{1,3}', '{2}', '{2,}'])
    if (depth === 0 || random() < 0.6) return pick(['a', 'b', '[ab]', '.']) + rounds
    return random() < 0.2 ? `(?=${choice(depth - 1)})` : `(?:${choice(depth - 1)})${rounds}`
  }
  const sequence = (depth: number): string =>
    Array.from({ length: 1 + Math.floor(random() * 3) }, () => term(depth)).join('')
  const choice = (depth: number): string => sequence(depth) + (random() < 0.3 ? `|${sequence(depth)}` : '')
  const pumps = ['a', 'b', 'ab', 'ba', 'aab', 'abb', 'baa']
  let accepted = 0
  for (let i = 0; i < 400; i++) {
    const pattern = pick(['^', '']) + choice(2) + pick(['$', ''])
    if (patternProblem(pattern, null) !== null) continue
    accepted++
    for (const prefix of ['', 'a', 'ba']) {
      for (const pump of pumps) {
        const text = `${prefix}${pump.repeat(Math.ceil(60 / pump.length))}!`
        const steps = backtrackingSteps(pattern, text, 60_000)
        if (!Number.isFinite(steps)) t.fail(`${pattern} on ${text}`)
      }
    }
  }
  t.ok(accepted > 100, `${accepted} of 400 patterns were accepted`)
})

t.test('judging a pattern takes no time worth mentioning, even for one made to be hard', async (t) => {
  const hard = [
    `^(?:${Array.from({ length: 26 }, (_, i) => `${String.fromCharCode(97 + i)}+x?`).join('|')})*$`,
    `^${'(?:[a-z]+[0-9]*)?'.repeat(12)}$`,
    `^${'(?:'.repeat(40)}a${')*'.repeat(40)}$`,
    `^(?:${'[a-z]{1,9}|'.repeat(30)}z)+$`,
    `^${'.*'.repeat(40)}$`,
    `^${'a?'.repeat(500)}$`,
    `^(?:${'a'.repeat(300)}){1,300}$`,
  ]
  for (const pattern of hard) {
    const started = performance.now()
    patternProblem(pattern, null)
    t.ok(performance.now() - started < 2_000, pattern.slice(0, 40))
  }
})
