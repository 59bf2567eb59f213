import type { Content, Deny, Tools } from '../../src/stages/contract.js'
import { inspect } from '../../src/stages/inspect/stage.js'
import { makeExchange } from './exchange.js'
import { makeScope } from './stage-scope.js'

/** The stage as one route would have it, and what it said of the policy on the way. */
export function inspectStage(policy: string, files: Readonly<Record<string, string>> = {}) {
  const made = makeScope(undefined, files)
  const planned = inspect.resolve(made.section(policy), made.scope)
  let now = Date.parse('2026-06-01T12:00:00Z')
  const clock = { now: () => now, monotonic: () => now }
  const tools = { ...made.tools, clock } as unknown as Tools // the stage borrows nothing else
  const checks = planned.map(({ settings }) => inspect.compile(settings, tools))
  const judgeBy = (step: number, changed: Parameters<typeof makeExchange>[0]): Deny | null => {
    const verdict = checks[step]?.(makeExchange(changed))
    if (verdict === undefined || verdict instanceof Promise) throw new Error('inspect answers at once')
    return verdict.outcome === 'deny' ? verdict : null
  }
  return {
    planned,
    findings: made.findings,
    setTime(text: string) {
      now = Date.parse(text)
    },
    judgeBy,
    judge: (changed: Parameters<typeof makeExchange>[0]) => judgeBy(0, changed),
  }
}

export const json = (value: unknown): { content: Content } => ({ content: { kind: 'json', value } })
