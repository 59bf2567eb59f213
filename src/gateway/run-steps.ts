import type { Step } from '../plan/plan.js'
import { type Deny, deny, type Reason, type Verdict } from '../stages/contract.js'
import type { CompiledStep } from './compiled-route.js'
import type { LiveExchange } from './exchange.js'

/** What a stage that throws answers: closed, under its own code. */
function stageFailed(step: Step): Reason {
  const stage = step.stage.replace(/[A-Z]/g, (capital) => `-${capital.toLowerCase()}`)
  return { code: `${stage}.failed`, status: 503, sentence: 'A protection could not do its work, so nothing passes.' }
}

/** What follows the steps: the denial of the one that refused, or null when all let the exchange pass. */
export type Continue = (exchange: LiveExchange, denial: Deny | null) => void

/**
 * Runs steps in order until one refuses, then `next`. All of it happens at once for as long as every check answers at
 * once; a check that has to wait costs one promise, and no other is made. A throw is a refusal; a refusal in report mode
 * is recorded and passed over. `fail` hears what `next` throws after a wait, where nobody else can.
 * Runs for every request; measured in bench/hot-path.
 */
export function runSteps(
  steps: readonly CompiledStep[],
  exchange: LiveExchange,
  next: Continue,
  fail: (exchange: LiveExchange, error: unknown) => void,
  from = 0,
): void {
  let started = performance.now()
  for (let i = from; i < steps.length; i++) {
    const compiled = steps[i]
    if (compiled === undefined) break
    let verdict: Verdict
    try {
      const answer = compiled.check(exchange)
      if (answer instanceof Promise) {
        const since = started
        const settle = (late: Verdict): void => {
          try {
            const micros = (performance.now() - since) * 1000
            if (exchange.record.add(compiled.step, late, micros))
              next(exchange, late as Deny) // add says so of denials only
            else runSteps(steps, exchange, next, fail, i + 1)
          } catch (error) {
            fail(exchange, error)
          }
        }
        answer.then(settle, (error: unknown) => settle(failClosed(compiled.step, error)))
        return
      }
      verdict = answer
    } catch (error) {
      verdict = failClosed(compiled.step, error)
    }
    const ended = performance.now()
    if (exchange.record.add(compiled.step, verdict, (ended - started) * 1000)) return next(exchange, verdict as Deny) // as above
    started = ended
  }
  next(exchange, null)
}

function failClosed(step: Step, error: unknown): Verdict {
  return deny(stageFailed(step), {
    error: error instanceof Error ? `${error.name}: ${error.message}`.slice(0, 200) : 'unknown',
  })
}
