import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { type Command, exitCode, type Given, Refusal, UsageFault } from './command.js'
import type { Terminal } from './terminal.js'

const profiles = ['api', 'event', 'strict'] as const
const texts = ['prose', 'code', 'html', 'markdown', 'sql'] as const
const groupings = ['category', 'source', 'placement', 'encoding'] as const

export const command: Command = {
  usage: 'inspect VALUE | inspect - | inspect --corpus FILE',
  says: [
    'VALUE     judges one value by the detectors of `inspect`: every decoding, what each detector says of it, the verdict',
    '          and why. - reads it from stdin.',
    '--corpus  judges labelled requests, one JSON object a line, by the default policy, and counts what was stopped:',
    '          {"label": "attack", "category": "sqli", "request": {"method": "GET", "path": "/v1/a", "query": "q=1"}}',
  ],
  flags: {
    at: { type: 'string', value: 'PLACE', says: 'where a request would have it; default body:/value' },
    profile: { type: 'string', value: 'PROFILE', says: 'api (default), event or strict' },
    text: { type: 'string', value: 'KIND', says: 'what the field holds: prose, code, html, markdown or sql' },
    corpus: { type: 'string', value: 'FILE', says: 'score a file of labelled requests' },
    by: { type: 'string', value: 'GROUP', says: 'corpus: count by category (default), source, placement or encoding' },
    show: { type: 'string', value: 'COUNT', says: 'corpus: print so many of the wrong verdicts; default 0' },
    json: { type: 'boolean', says: 'print JSON' },
  },
  arguments: { least: 0, most: 1 },
  examples: [
    { line: `postern inspect "1%27%20OR%20'a'%3D'a"`, does: 'what the detectors make of a value' },
    { line: 'postern inspect --at header:/user-agent "() { :;}; id"', does: 'of the same in a header' },
    {
      line: 'postern inspect --corpus requests.jsonl --show 20',
      does: 'how many attacks are stopped, and how many others',
    },
  ],
  run: async (given, terminal) => {
    const corpus = given.text('corpus')
    const [value] = given.arguments
    if (corpus !== undefined && value !== undefined) throw new UsageFault('Either a VALUE or --corpus FILE.')
    if (corpus !== undefined) return await score(resolve(terminal.cwd, corpus), given, terminal)
    if (value === undefined) throw new UsageFault('What shall be inspected? A VALUE, - for stdin, or --corpus FILE.')
    const { formatValue, judgeValue } = await import('./inspect/value.js')
    const answer = judgeValue({
      value: value === '-' ? readFileSync(0, 'utf8').replace(/\r?\n$/, '') : value,
      at: given.text('at') ?? 'body:/value',
      profile: oneOf(profiles, given.text('profile'), '--profile') ?? 'api',
      text: oneOf(texts, given.text('text'), '--text'),
    })
    const { found, readings } = answer.trace
    const isStopped = found !== null && !answer.isLifted
    if (given.has('json')) {
      const verdict =
        found === null ? null : { detector: found.detector, technique: found.technique, inside: found.inside }
      terminal.out(`${JSON.stringify({ isStopped, verdict, readings }, null, 2)}\n`)
    } else terminal.out(formatValue(answer, terminal.outPaint))
    return isStopped ? exitCode.problems : exitCode.fine
  },
}

/** Lines of a file; throws Refusal for what cannot be read. */
function linesOf(file: string): number {
  try {
    return readFileSync(file, 'latin1').split('\n').length - 1
  } catch (error) {
    throw new Refusal(
      `--corpus names a file; ${file} cannot be read: ${error instanceof Error ? error.message : 'it failed'}.`,
    )
  }
}

async function score(file: string, given: Given, terminal: Terminal): Promise<number> {
  const show = Number(given.text('show') ?? 0)
  if (!Number.isInteger(show) || show < 0) throw new UsageFault('--show wants a number.')
  const { formatScore, scoreCorpus } = await import('./inspect/corpus.js')
  const total = linesOf(file)
  const isWatched = process.stderr.isTTY === true
  const result = await scoreCorpus(file, {
    by: oneOf(groupings, given.text('by'), '--by') ?? 'category',
    show,
    isStrict: oneOf(profiles, given.text('profile'), '--profile') === 'strict',
    progress: (done) => {
      if (isWatched && (done % 100 === 0 || done === total)) terminal.err(bar(done, total))
    },
  })
  if (isWatched) terminal.err('\n')
  terminal.out(given.has('json') ? `${JSON.stringify(result, null, 2)}\n` : formatScore(result))
  return exitCode.fine
}

function bar(done: number, total: number): string {
  const filled = Math.round((30 * done) / Math.max(1, total))
  return `\r[${'#'.repeat(filled).padEnd(30, '.')}] ${done}/${total}`
}

function oneOf<T extends string>(known: readonly T[], given: string | undefined, flag: string): T | null {
  if (given === undefined) return null
  const found = known.find((each) => each === given)
  if (found === undefined) throw new UsageFault(`${flag} is one of ${known.join(', ')}; it is "${given}".`)
  return found
}
