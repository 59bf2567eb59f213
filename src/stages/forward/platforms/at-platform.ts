import type { UpstreamPlan } from '../../../plan/plan.js'
import { type Answer, type Check, deny, type Exchange, type Verdict } from '../../contract.js'
import { reasons } from '../reasons.js'
import { type Refusal, refusalsOf } from './refusals.js'
import { headerOf } from './sign-in.js'

/**
 * The check of a route whose function is on a known platform: the platform's own refusals become ours, with a hint in the
 * record what mends them; headers that the platform renamed get their names back, and its request id goes into the record.
 * Elsewhere it is the check itself.
 */
export function atPlatform(check: Check, { platform }: Pick<UpstreamPlan, 'platform'>): Check {
  const refusals = refusalsOf(platform)
  if (platform === undefined || refusals === null) return check
  const renames = platform === 'aws-lambda'

  const judged = (verdict: Verdict, { answer }: Exchange): Verdict | Promise<Verdict> => {
    if (verdict.outcome === 'deny' || answer === null) return verdict
    const id = renames ? headerOf(answer.headers, 'x-amzn-requestid') : undefined
    const found = refusals(answer)
    if (renames) restoreNames(answer)
    const withId = id === undefined || !/^[0-9a-f-]{8,64}$/.test(id) ? {} : { platformRequestId: id }
    const passed = (): Verdict =>
      id === undefined ? verdict : { outcome: 'allow', evidence: { ...verdict.evidence, ...withId } }
    if (found instanceof Promise) {
      return found.then((refusal) => (refusal === null ? passed() : refused(refusal, answer, platform, withId)))
    }
    return found === null ? passed() : refused(found, answer, platform, withId)
  }

  return (exchange) => {
    const verdict = check(exchange)
    return verdict instanceof Promise ? verdict.then((settled) => judged(settled, exchange)) : judged(verdict, exchange)
  }
}

const byKind = {
  denied: reasons.platformDenied,
  throttled: reasons.platformThrottled,
  tooLarge: reasons.platformTooLarge,
  timeout: reasons.platformTimeout,
} as const

function refused(
  { kind, word, hint }: Refusal,
  { status, headers }: Answer,
  platform: string,
  withId: { readonly platformRequestId?: string },
): Verdict {
  const evidence = { platform, refusal: kind, status, ...(word !== '' && { word }), hint, ...withId }
  if (kind !== 'throttled') return deny(byKind[kind], evidence)
  const told = headerOf(headers, 'retry-after') ?? ''
  const wait = /^[1-9][0-9]{0,3}$/.test(told) ? told : '1'
  return deny(byKind.throttled, evidence, { headers: ['retry-after', wait] })
}

const remapped = 'x-amzn-remapped-'

/** What a function may say and Lambda sends under another name; the rest it says itself, about itself. */
const restored = new Set(['www-authenticate', 'content-md5'])

/** https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-known-issues.html */
function restoreNames(answer: Answer): void {
  const { headers } = answer
  if (!headers.some((part, i) => i % 2 === 0 && part.startsWith('x-amzn-'))) return
  const kept: string[] = []
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] ?? ''
    const value = headers[i + 1] ?? ''
    if (!name.startsWith('x-amzn-')) kept.push(name, value)
    else if (name.startsWith(remapped) && restored.has(name.slice(remapped.length)))
      kept.push(name.slice(remapped.length), value)
  }
  answer.headers = kept
}
