import type { CanaryPlan, UpstreamPlan } from '../plan/plan.js'
import type { Pools } from '../state/pools.js'
import { callUnsigned, type UnsignedAnswer } from './tools/unsigned-call.js'

/**
 * `open`: the function answers to strangers, so the gateway can be walked around; `closed`: it refuses them; `unclear`:
 * the answer tells neither.
 */
export interface CanaryResult {
  readonly verdict: 'open' | 'closed' | 'unclear'
  /** Null: there was no answer. */
  readonly status: number | null
  /** For a person, a sentence. */
  readonly says: string
}

const usual: CanaryPlan = { everyMs: null, method: 'HEAD', path: '/' }

/** Tries one function without its sign-in. What looks open is tried twice before anyone is told. */
export async function tryCanary(plan: UpstreamPlan, pools: Pools): Promise<CanaryResult> {
  const asked = plan.canary ?? usual
  const first = await callUnsigned(plan, asked, pools)
  const judged = judge(plan, asked, first)
  if (judged.verdict !== 'open') return judged
  return judge(plan, asked, await callUnsigned(plan, asked, pools))
}

function judge(
  plan: UpstreamPlan,
  asked: CanaryPlan,
  answer: UnsignedAnswer | { readonly fault: string },
): CanaryResult {
  if ('fault' in answer) return { verdict: 'unclear', status: null, says: `${capital(answer.fault)}.` }
  const { status } = answer
  const call = `${asked.method} ${plan.basePath}${asked.path} without a sign-in`
  const open: CanaryResult = {
    verdict: 'open',
    status,
    says: `It answered ${status} to ${call}: whoever learns its URL walks around the gateway.`,
  }
  const closed: CanaryResult = { verdict: 'closed', status, says: `It refused ${call} with ${status}.` }
  const unclear = (why: string): CanaryResult => ({
    verdict: 'unclear',
    status,
    says: `It answered ${status} to ${call}: ${why}.`,
  })

  if (status === 401 || status === 403) return closed
  if (status >= 300 && status < 400) {
    return leadsElsewhere(plan, answer) ? closed : unclear('a redirect within itself shows nothing')
  }
  if (status === 429 || status >= 500) return unclear('busy or broken, it shows nothing')
  if (plan.platform === 'azure-functions' && asked.path === '/') {
    return unclear('the start page of a function app is open to everyone; name a path of the function under canary')
  }
  if (status >= 200 && status < 300) return open
  // From here on: 400, 404, 405 and their kin. Lambda judges every call before the function sees it, and marks its own.
  if (plan.auth.kind === 'aws-sigv4') {
    return answer.headers['x-amzn-errortype'] === undefined
      ? open
      : unclear('the platform refused it for another reason')
  }
  return unclear('that may be the function, or what guards it; name a path that exists under canary')
}

/** To a login page. */
function leadsElsewhere({ origin }: UpstreamPlan, { headers }: UnsignedAnswer): boolean {
  const location = headers['location']
  if (typeof location !== 'string' || !URL.canParse(location, origin)) return false
  return new URL(location, origin).host !== new URL(origin).host
}

function capital(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1)
}
