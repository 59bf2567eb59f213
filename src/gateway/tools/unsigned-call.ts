import type { UpstreamPlan } from '../../plan/plan.js'
import type { Pools } from '../../state/pools.js'

/** What a function's URL said to a call without any sign-in; null: it could not be asked. */
export interface UnsignedAnswer {
  readonly status: number
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
}

const timeoutMs = 10_000

/** Calls a function as a stranger would: no credential of ours, no header of a caller. Never rejects. */
export async function callUnsigned(
  plan: UpstreamPlan,
  asked: { readonly method: 'HEAD' | 'OPTIONS' | 'GET'; readonly path: string },
  pools: Pools,
): Promise<UnsignedAnswer | { readonly fault: string }> {
  const { pool } = pools.acquire(plan)
  try {
    const answer = await pool.request({
      method: asked.method,
      path: `${plan.basePath}${asked.path}`,
      headers: { 'user-agent': 'postern-canary', accept: '*/*' },
      signal: AbortSignal.timeout(timeoutMs),
    })
    answer.body.on('error', () => {})
    // What it says is of no interest, and may be long.
    answer.body.destroy()
    return { status: answer.statusCode, headers: answer.headers }
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : ''
    return { fault: code === '' ? 'it did not answer in time' : `it cannot be reached (${code})` }
  } finally {
    pools.release(plan)
  }
}
