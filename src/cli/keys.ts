import { hashApiKey, newApiKey } from '../stages/auth/api-key.js'
import { nearest } from '../values/nearest.js'
import { type Command, exitCode, type Given, Refusal, UsageFault } from './command.js'
import type { Terminal } from './terminal.js'

const verbs: Readonly<Record<string, (given: Given, terminal: Terminal) => Promise<number>>> = {
  new: newKey,
  hash: hashKey,
  jwt: mintToken,
}

export const command: Command = {
  usage: 'keys new <client> | keys hash | keys jwt [--scope …] [--sub …] [--claim NAME=VALUE]',
  says: [
    'new   makes an API key: the key on stdout, once; the lines for the policy, which hold only its digest, on stderr.',
    'hash  reads a key from stdin and prints its digest, for a key that exists already.',
    'jwt   prints a token of the development issuer of a running `postern dev --demo`.',
  ],
  flags: {
    scope: {
      type: 'string',
      multiple: true,
      value: 'SCOPE',
      says: 'jwt: scopes, separated by blanks or by repeating it',
    },
    sub: { type: 'string', value: 'SUBJECT', says: 'jwt: whose token; default alice' },
    claim: {
      type: 'string',
      multiple: true,
      value: 'NAME=VALUE',
      says: 'jwt: one more claim; a JSON value, or a text',
    },
    audience: { type: 'string', value: 'AUDIENCE', says: "jwt: for whom; default the example's audience" },
    expires: { type: 'string', value: 'DURATION', says: 'jwt: life of the token, such as 90s or 8h; default 1h' },
    issuer: { type: 'string', value: 'URL', says: 'jwt: which development issuer, where several are running' },
    json: { type: 'boolean', says: 'print JSON' },
  },
  arguments: { least: 1, most: 2 },
  examples: [
    { line: 'postern keys new acme', does: 'a key for the client acme, and its digest' },
    { line: 'postern keys hash < key.txt', does: 'the digest of a key you have' },
    { line: 'TOKEN=$(postern keys jwt --scope orders:write --claim plan=pro)', does: 'a token to call with' },
  ],
  run: async (given, terminal) => {
    const [verb = '', extra] = given.arguments
    const run = Object.hasOwn(verbs, verb) ? verbs[verb] : undefined
    if (run === undefined) {
      const meant = nearest(verb, Object.keys(verbs))
      throw new UsageFault(
        `Unknown: keys ${verb}. ${meant === undefined ? 'There are new, hash and jwt.' : `Did you mean ${meant}?`}`,
      )
    }
    if (verb !== 'new' && extra !== undefined)
      throw new UsageFault(`"${extra}" is one argument too many: postern keys ${verb}`)
    return await run(given, terminal)
  },
}

async function newKey(given: Given, terminal: Terminal): Promise<number> {
  const client = given.arguments[1]
  if (client === undefined) throw new UsageFault('For whom? postern keys new <client>')
  if (!/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/.test(client)) {
    throw new UsageFault(`A client's name is made of letters, digits, "-", "_" and "."; this is "${client}".`)
  }
  const { key, sha256 } = newApiKey()
  if (given.has('json')) {
    terminal.out(`${JSON.stringify({ client, key, sha256 })}\n`)
    return exitCode.fine
  }
  const name = `k${new Date().toISOString().slice(0, 10).replaceAll('-', '')}`
  terminal.err(`The key of ${client}, shown this once. Send it in the header X-Api-Key.\n\n`)
  terminal.out(`${key}\n`)
  terminal.err(
    [
      '',
      'The policy holds its digest alone:',
      '',
      'clients:',
      `  ${client}:`,
      '    keys:',
      `      ${name}: { sha256: ${sha256} }`,
      '',
      `To replace a key later, add a second one beside it, and end the first with notAfter: YYYY-MM-DD.`,
      '',
    ].join('\n'),
  )
  return exitCode.fine
}

async function hashKey(given: Given, terminal: Terminal): Promise<number> {
  if (process.stdin.isTTY) terminal.err('Paste the key, then press Enter and Ctrl-D.\n')
  process.stdin.setEncoding('utf8')
  let text = ''
  for await (const piece of process.stdin) {
    text += String(piece)
    if (text.length > 4_096) throw new Refusal('That is too long to be an API key (4096 characters at most).')
  }
  const key = text.replace(/\r?\n$/, '')
  if (key === '') throw new Refusal('stdin was empty: postern keys hash < key.txt')
  // What a client cannot send in a header can never match; mostly it is a second line or a stray blank.
  if (!/^[\x21-\x7e]+$/.test(key)) throw new Refusal('A key is one line of visible ASCII characters without blanks.')
  const sha256 = hashApiKey(key)
  terminal.out(given.has('json') ? `${JSON.stringify({ sha256 })}\n` : `${sha256}\n`)
  return exitCode.fine
}

async function mintToken(given: Given, terminal: Terminal): Promise<number> {
  const { mintToken: mint } = await import('./demo/mint.js')
  const { token, claims } = await mint(given)
  terminal.out(given.has('json') ? `${JSON.stringify({ token, claims })}\n` : `${token}\n`)
  return exitCode.fine
}
