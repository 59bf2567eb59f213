import { detectors } from '../../src/stages/inspect/detectors/all.js'
import { Inspector } from '../../src/stages/inspect/inspector.js'
import type { Home } from '../../src/stages/inspect/view.js'

/*
 * Throws made-up values at the detectors: pieces of every language, cut, doubled, encoded and mixed with noise. Nothing may
 * throw, and nothing may take long.
 *   npm run bench -- inspect/fuzz [COUNT] [SEED]      (1,000,000 values by default)
 */
const count = Number(process.argv[2] ?? 1_000_000)
let seed = Number(process.argv[3] ?? 1) >>> 0
const random = (below: number): number => {
  seed ^= seed << 13
  seed ^= seed >>> 17
  seed ^= seed << 5
  return (seed >>> 0) % below
}

const words = [
  ...detectors.flatMap(({ anchors = [], lexer }) => [
    ...anchors.flatMap((anchor) => anchor.words),
    ...(lexer?.words ?? []),
    ...(lexer?.hints ?? []),
  ]),
  ...`' " \` ( ) [ ] { } < > = ; | & $ % \\ / * # -- /* */ , . : ! ? @ ^ ~ + \n \r \t \0 0 1 a x %25 %u0041 %c0%ae &lt; &#60 \\u0041 \\x41 <a <img ' ${'${'} {{ }} <% %>`.split(
    ' ',
  ),
  '\uff1c',
  '\u200b',
  '\ud83d',
  '\udc00',
  'İ',
  'ẞ',
]
const dresses: readonly ((text: string) => string)[] = [
  (text) => text,
  (text) => text,
  (text) => text.toUpperCase(),
  (text) => text.slice(random(text.length + 1)),
  (text) => text + text,
  (text) => Buffer.from(text).toString('base64'),
  (text) => JSON.stringify({ a: text, b: [text] }),
  (text) => text.replace(/[^a-z]/g, (sign) => `%${sign.charCodeAt(0).toString(16)}`),
  (text) => text.replace(/./g, (sign) => `&#${sign.charCodeAt(0)};`),
  (text) => [...text].join('\0'),
]
const homes: readonly Home[] = ['path', 'query', 'header', 'cookie', 'body', 'file-name', 'key']

const inspector = new Inspector(detectors, false)
const strict = new Inspector(detectors, true)
const never = (): boolean => false
let slowest = 0
let slowestText = ''
let stopped = 0
const started = performance.now()
for (let i = 0; i < count; i++) {
  let text = ''
  for (let pieces = random(8); pieces >= 0; pieces--) {
    text +=
      random(5) === 0
        ? String.fromCharCode(random(random(4) === 0 ? 0x10000 : 128))
        : (words[random(words.length)] ?? '')
    if (random(3) === 0) text += ' '
  }
  for (let layers = random(3); layers > 0; layers--) text = (dresses[random(dresses.length)] ?? String)(text)
  const home = homes[random(homes.length)] ?? 'body'
  const start = performance.now()
  try {
    if ((random(8) === 0 ? strict : inspector).inspect(text, home, 'note', never) !== null) stopped++
  } catch (error) {
    console.error(`\nA throw on ${JSON.stringify(text)} in a ${home}:`)
    throw error
  }
  const took = performance.now() - start
  if (took > slowest && i > 10_000) {
    slowest = took
    slowestText = text
  }
  if (process.stderr.isTTY && i % 10_000 === 0) {
    const filled = Math.round((30 * i) / count)
    process.stderr.write(`\r[${'#'.repeat(filled)}${'.'.repeat(30 - filled)}] ${i}/${count}`)
  }
}
const seconds = (performance.now() - started) / 1000
console.log(
  `\n${count} values in ${seconds.toFixed(1)} s, none threw; ${((100 * stopped) / count).toFixed(1)} % stopped; the slowest took ${slowest.toFixed(1)} ms (${slowestText.length} characters)`,
)
