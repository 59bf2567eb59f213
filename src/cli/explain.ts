import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { text as readAll } from 'node:stream/consumers'
import { type Command, exitCode, type Given, Refusal, UsageFault } from './command.js'
import { countProblems, formatProblems } from './problems.js'
import type { Terminal } from './terminal.js'

const mostRequestBytes = 32 * 1024 * 1024

export const command: Command = {
  usage: 'explain METHOD PATH | explain --request FILE|- | explain CODE',
  says: [
    'METHOD PATH  every value that holds for the route which takes the request, with its file and line and what it',
    '             overrode; the order of controls; the routes that might have taken it, and why they did not.',
    '--request    judges a request that is written down – HTTP or a curl line – by the real stages, offline: a verdict per',
    '             stage, masked evidence, the line that decided. Nothing is sent anywhere.',
    'CODE         what a deny code, a problem or a finding means.',
  ],
  flags: {
    policies: { type: 'string', short: 'p', value: 'FOLDER', says: 'the policy folder; default policies' },
    request: { type: 'string', short: 'r', value: 'FILE', says: 'a request: raw HTTP or a curl line; - reads stdin' },
    as: {
      type: 'string',
      value: 'CALLER',
      says: "with a caller's credential made for it: '{ jwt: { sub: u1, scope: a } }'",
    },
    from: { type: 'string', value: 'ADDRESS', says: 'the address it comes from; default 192.0.2.1' },
    keys: {
      type: 'string',
      multiple: true,
      value: 'ISSUER=FILE',
      says: 'the JWK set of an issuer, to check signatures',
    },
    json: { type: 'boolean', says: 'print JSON' },
  },
  arguments: { least: 0, most: 2 },
  examples: [
    { line: 'postern explain POST /orders', does: 'what holds for an order, and where it was written' },
    { line: 'postern explain --request evil.http', does: 'what would become of this request' },
    { line: 'pbpaste | postern explain --request -', does: 'of a curl line in the clipboard' },
    { line: 'postern explain inspect.sqli', does: 'what the code means' },
  ],
  run: async (given, terminal) => {
    const [first, second] = given.arguments
    const request = given.text('request')
    if (request !== undefined) {
      if (first !== undefined) throw new UsageFault('--request says already what is asked; leave METHOD PATH out.')
      return await explainOneRequest(request, given, terminal)
    }
    if (first === undefined) throw new UsageFault('What shall be explained? METHOD PATH, --request FILE or a CODE.')
    if (second === undefined && /^[a-z][a-z-]*\.[a-z0-9-]+$/.test(first))
      return await explainOneCode(first, given, terminal)
    const [method, path] = second === undefined ? first.split(' ') : [first, second]
    if (method === undefined || path === undefined || !path.startsWith('/')) {
      throw new UsageFault(
        `A method and a path are wanted, such as POST /orders; it is "${given.arguments.join(' ')}".`,
      )
    }
    return await explainOneRoute(method.toUpperCase(), path, given, terminal)
  },
}

async function explainOneCode(code: string, given: Given, terminal: Terminal): Promise<number> {
  const { factsOf, formatFacts, nearestCode } = await import('./explain/explain-code.js')
  const facts = factsOf(code)
  if (given.has('json')) terminal.out(`${JSON.stringify(facts, null, 2)}\n`)
  else if (facts.length > 0) terminal.out(formatFacts(facts, terminal.outPaint))
  else {
    const meant = nearestCode(code)
    terminal.err(`Nothing has the code ${code}.${meant === undefined ? '' : ` Did you mean ${meant}?`}\n`)
  }
  return facts.length > 0 ? exitCode.fine : exitCode.problems
}

async function explainOneRoute(method: string, path: string, given: Given, terminal: Terminal): Promise<number> {
  const named = given.text('policies') ?? 'policies'
  const [{ explainRoute }, { chooseRoute, formatRoute, refusalOf }] = await Promise.all([
    import('../policy/explain-route.js'),
    import('./explain/explain-route.js'),
  ])
  let choice: ReturnType<typeof chooseRoute> = { winner: null, candidates: [], refusal: null }
  const explained = explainRoute(resolve(terminal.cwd, named), path.split('?')[0] ?? path, (routes) => {
    choice = chooseRoute(routes, method, path)
    return choice.winner?.id ?? null
  })
  const { plan, problems } = explained
  const { candidates } = choice
  const refusal = choice.refusal ?? (explained.route === null ? null : refusalOf(explained.route.plan, path))
  const route = refusal === null ? explained.route : null
  if (given.has('json')) {
    terminal.out(`${JSON.stringify({ route, candidates, refusal, problems }, null, 2)}\n`)
    return route === null ? exitCode.problems : exitCode.fine
  }
  if (route !== null && plan !== null) {
    terminal.out(formatRoute(route, plan, candidates, terminal.outPaint))
    return exitCode.fine
  }
  if (refusal === null) return refused(problems, named, terminal)
  terminal.out(`${method} ${path}  ${refusal}\n`)
  for (const { id, lost, place } of candidates) terminal.out(`  ${id}  ${lost}  ${place.file}:${place.line}\n`)
  return exitCode.problems
}

async function explainOneRequest(source: string, given: Given, terminal: Terminal): Promise<number> {
  const named = given.text('policies') ?? 'policies'
  const root = resolve(terminal.cwd, named)
  const text = await readSource(source, terminal)
  if (text.trim() === '') throw new Refusal(`${source === '-' ? 'Standard input' : source} holds no request.`)
  const [{ loadForPath }, { readCallerText }, { explainRequest, formatExplanation }, { pathOf }, faults] =
    await Promise.all([
      import('../policy/explain-route.js'),
      import('../policy/test-reader.js'),
      import('./explain/explain-request.js'),
      import('./explain/request-text.js'),
      requestFaults(),
    ])
  const { plan, secrets, problems } = await loadForPath(root, pathOf(text))
  if (plan === null) return refused(problems, named, terminal)
  const asText = given.text('as')
  const as = asText === undefined ? null : readCallerText(asText)
  if (typeof as === 'string') throw new UsageFault(`--as cannot be read: ${as}`)
  const address = given.text('from') ?? as?.address ?? '192.0.2.1'
  const keys = readKeys(given, terminal, Object.keys(plan.issuers))
  try {
    const explanation = await explainRequest({ plan, vault: secrets, text, as, address, keys })
    const { judged, notes, inReport } = explanation
    if (given.has('json')) {
      const { status, record } = judged
      terminal.out(`${JSON.stringify({ status, record, notes, inReport }, null, 2)}\n`)
    } else terminal.out(formatExplanation(explanation, root, terminal.outPaint))
    return judged.record.code === undefined ? exitCode.fine : exitCode.problems
  } catch (error) {
    if (faults.some((kind) => error instanceof kind)) throw new Refusal(error instanceof Error ? error.message : '')
    throw error
  }
}

async function requestFaults() {
  const [{ CurlFault }, { CredentialFault }] = await Promise.all([
    import('./explain/curl-line.js'),
    import('./policy-tests/credential.js'),
  ])
  return [CurlFault, CredentialFault]
}

async function readSource(source: string, terminal: Terminal): Promise<string> {
  if (source === '-') return await readAll(process.stdin)
  try {
    const bytes = readFileSync(resolve(terminal.cwd, source))
    if (bytes.length > mostRequestBytes) throw new Error('it is larger than 32 MiB')
    return bytes.toString('utf8')
  } catch (error) {
    throw new Refusal(`${source} cannot be read: ${error instanceof Error ? error.message : 'unknown'}.`)
  }
}

function readKeys(given: Given, terminal: Terminal, issuers: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    given.texts('keys').map((text) => {
      const [name = '', ...rest] = text.split('=')
      const file = rest.join('=')
      if (file === '' || !issuers.includes(name)) {
        throw new UsageFault(
          `--keys wants ISSUER=FILE, with one of the issuers ${issuers.join(', ') || '(none)'}; it is "${text}".`,
        )
      }
      try {
        const json = readFileSync(resolve(terminal.cwd, file), 'utf8')
        JSON.parse(json)
        return [name, json]
      } catch (error) {
        throw new Refusal(`${file} holds no JWK set: ${error instanceof Error ? error.message : 'unknown'}.`)
      }
    }),
  )
}

function refused(problems: Parameters<typeof formatProblems>[0], named: string, terminal: Terminal): number {
  terminal.out(`${formatProblems(problems, named, terminal.outPaint)}\n`)
  terminal.out(`${countProblems(problems)} in ${named}: nothing can be explained before that is mended.\n`)
  return exitCode.problems
}
