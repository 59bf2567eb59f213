import { parseDuration } from '../../values/duration.js'
import { type Given, Refusal, UsageFault } from '../command.js'
import type { TokenWish } from './issuer.js'
import { type DemoState, readDemoStates } from './state-file.js'

/** Asks the running demo for a token. Throws UsageFault for unreadable flags and Refusal where no demo answers. */
export async function mintToken(given: Given): Promise<{ token: string; claims: TokenWish }> {
  const wished = readWish(given)
  const state = chooseDemo(given.text('issuer'))
  const claims = { ...wished, audience: wished.audience ?? state.audience }
  let answer: Response
  try {
    answer = await fetch(`${state.issuer}/token`, {
      method: 'POST',
      headers: { authorization: `Bearer ${state.mintSecret}`, 'content-type': 'application/json' },
      body: JSON.stringify(claims),
      signal: AbortSignal.timeout(5_000),
    })
  } catch {
    throw new Refusal(`The development issuer at ${state.issuer} does not answer. Is postern dev --demo still running?`)
  }
  const said: unknown = await answer.json()
  const token = typeof said === 'object' && said !== null && 'token' in said ? said.token : undefined
  if (typeof token !== 'string')
    throw new Refusal(`The development issuer at ${state.issuer} refused (${answer.status}).`)
  return { token, claims }
}

function chooseDemo(issuer: string | undefined): DemoState {
  const running = readDemoStates()
  if (running.length === 0) {
    throw new Refusal(
      'No development issuer is running. Start one in another terminal: postern dev --demo (npm start).',
    )
  }
  if (issuer === undefined) return running[0] as DemoState // not empty: just asked
  const chosen = running.find((state) => state.issuer === issuer.replace(/\/$/, ''))
  if (chosen === undefined) {
    throw new Refusal(
      `No development issuer at ${issuer}. Running: ${running.map((state) => state.issuer).join(', ')}.`,
    )
  }
  return chosen
}

function readWish(given: Given): Omit<TokenWish, 'audience'> & { audience: string | undefined } {
  const expires = given.text('expires') ?? '1h'
  const expiresMs = parseDuration(expires)
  if (expiresMs === null || expiresMs < 1_000) {
    throw new UsageFault(`--expires wants a duration of a second or more, such as 90s or 8h; it is "${expires}".`)
  }
  return {
    sub: given.text('sub') ?? 'alice',
    scope: given.texts('scope').join(' '),
    audience: given.text('audience'),
    expiresInSeconds: Math.floor(expiresMs / 1000),
    claims: Object.fromEntries(given.texts('claim').map(readClaim)),
  }
}

/** `plan=pro`, `email_verified=true`, `amr=["mfa"]`: a JSON value where it reads as one, otherwise a text. */
function readClaim(text: string): [string, unknown] {
  const equals = text.indexOf('=')
  if (equals < 1) throw new UsageFault(`--claim wants NAME=VALUE; it is "${text}".`)
  const value = text.slice(equals + 1)
  try {
    return [text.slice(0, equals), JSON.parse(value)]
  } catch {
    return [text.slice(0, equals), value]
  }
}
