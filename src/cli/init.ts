import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { type Command, exitCode, type Given, Refusal, UsageFault } from './command.js'
import { type InitAnswers, type InitFile, initFiles, usualAnswers } from './init-files.js'
import type { Terminal } from './terminal.js'

export const command: Command = {
  usage: 'init [folder] [flags]',
  says: [
    'Begins a policy folder (default: policies): two routes with tokens, scopes, schemas and limits, the tests beside them,',
    'and the schema for your editor. It passes postern check and postern test as it stands.',
    'On a terminal it asks four questions, each with an answer to accept; --yes takes those answers, and so does a pipe.',
    'Nothing is overwritten.',
  ],
  flags: {
    yes: { type: 'boolean', short: 'y', says: 'ask nothing' },
    function: { type: 'string', value: 'URL', says: `the function URL (default: ${usualAnswers.url})` },
    issuer: { type: 'string', value: 'URL', says: 'who signs your tokens, as in iss (default: that of dev --demo)' },
    audience: {
      type: 'string',
      value: 'TEXT',
      says: `whom tokens are for, as in aud (default: ${usualAnswers.audience})`,
    },
    name: {
      type: 'string',
      value: 'WORD',
      says: `what the function serves, in one word (default: ${usualAnswers.noun})`,
    },
  },
  arguments: { least: 0, most: 1 },
  examples: [
    { line: 'postern init', does: 'asks, then writes policies/' },
    { line: 'postern init my-policies --yes', does: 'asks nothing' },
    { line: 'postern init --function https://shop.example/api --name invoices', does: 'for your own function' },
  ],
  run: async (given, terminal) => {
    const named = given.arguments[0] ?? 'policies'
    const folder = resolve(terminal.cwd, named)
    refuseFull(folder, named)
    const isAsked = !given.has('yes') && process.stdin.isTTY === true && terminal.outIsTerminal
    const answers = checked(isAsked ? await ask(fromFlags(given)) : fromFlags(given))
    const [{ policySchema }, { testSchema }, { stages }] = await Promise.all([
      import('../policy/schema.js'),
      import('../policy/test-schema.js'),
      import('../stages/all.js'),
    ])
    const json = (schema: unknown): string => `${JSON.stringify(schema, null, 2)}\n`
    const files = initFiles(answers, { policy: json(policySchema(stages)), tests: json(testSchema) })
    await rehearse(files)
    write(folder, files)
    terminal.out(said(named, files, answers, terminal))
    return exitCode.fine
  },
}

function refuseFull(folder: string, named: string): void {
  if (!existsSync(folder)) return
  let names: string[]
  try {
    names = readdirSync(folder)
  } catch {
    throw new Refusal(`${named} is no folder that can be read.`)
  }
  if (names.length > 0) throw new Refusal(`${named} is not empty, and init overwrites nothing. Name another folder.`)
}

function fromFlags(given: Given): InitAnswers {
  return {
    url: given.text('function') ?? usualAnswers.url,
    issuer: given.text('issuer') ?? usualAnswers.issuer,
    audience: given.text('audience') ?? usualAnswers.audience,
    noun: given.text('name') ?? usualAnswers.noun,
  }
}

/** Asks on the terminal; an empty answer accepts what stands in brackets. */
async function ask(usual: InitAnswers): Promise<InitAnswers> {
  const reader = createInterface({ input: process.stdin, output: process.stdout })
  // Lines are taken from a queue: answers that were pasted at once wait there for their questions.
  const lines = reader[Symbol.asyncIterator]()
  const question = async (text: string, usualAnswer: string): Promise<string> => {
    reader.setPrompt(`${text} [${usualAnswer}] `)
    reader.prompt()
    const line = await lines.next()
    if (line.done === true) throw new Refusal('\nNothing was written.')
    const answer = line.value.trim()
    return answer === '' ? usualAnswer : answer
  }
  try {
    const url = await question('Where is your function?', usual.url)
    const noun = await question('What does it serve, in one word?', usual.noun)
    const demo = 'the development issuer of dev --demo'
    const issuer = await question('Who signs your tokens, as in their iss?', usual.issuer ?? demo)
    if (issuer === demo) return { ...usual, url, noun, issuer: null }
    return { url, noun, issuer, audience: await question('Whom are they for, as in their aud?', usual.audience) }
  } finally {
    reader.close()
  }
}

/** Throws UsageFault for answers that would make no sense as a path or a URL. */
function checked(answers: InitAnswers): InitAnswers {
  if (!/^[a-z][a-z0-9-]{0,40}$/.test(answers.noun)) {
    throw new UsageFault(
      `"${answers.noun}" is no name for a path: lower-case letters, digits and hyphens, such as orders.`,
    )
  }
  for (const url of [answers.url, answers.issuer]) {
    if (url !== null && !(URL.canParse(url) && /^https?:\/\//.test(url))) {
      throw new UsageFault(`"${url}" is no URL: write http:// or https:// and a host.`)
    }
  }
  return answers
}

/** Loads the files in a folder of their own first: what would be refused is never written. */
async function rehearse(files: Readonly<Record<string, InitFile>>): Promise<void> {
  const { loadPolicy } = await import('../policy/load.js')
  const folder = mkdtempSync(join(tmpdir(), 'postern-init-'))
  try {
    write(folder, files)
    const { plan, problems } = await loadPolicy(folder)
    if (plan !== null) return
    const { formatBriefly } = await import('./problems.js')
    const errors = problems.filter(({ severity }) => severity === 'error')
    throw new Refusal(['These answers make no policy:', ...errors.map((each) => `  ${formatBriefly(each)}`)].join('\n'))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function write(folder: string, files: Readonly<Record<string, InitFile>>): void {
  for (const [name, { text, isSecret }] of Object.entries(files)) {
    const path = join(folder, name)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, text, { flag: 'wx', mode: isSecret === true ? 0o600 : 0o644 })
  }
}

function said(
  named: string,
  files: Readonly<Record<string, InitFile>>,
  { issuer, noun }: InitAnswers,
  { calledAs, outPaint: paint }: Terminal,
): string {
  const demo = issuer === null ? ' --demo' : ''
  const next = [
    [`${calledAs} check ${named}`, 'every problem, and what is unwise'],
    [`${calledAs} test ${named}`, `runs ${noun}.test.yaml, offline`],
    [`${calledAs} dev${demo} ${named}`, 'serves it on this machine'],
  ] as const
  const width = Math.max(...next.map(([line]) => line.length))
  return [
    ...Object.keys(files).map((name) => `  ${join(named, name)}`),
    '',
    ...next.map(([line, does]) => `${line.padEnd(width)}  ${paint('dim', `# ${does}`)}`),
    '',
  ].join('\n')
}
