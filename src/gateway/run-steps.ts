import type { Step } from '../plan/plan.js'
import { type Deny, deny, type Reason, type Verdict } from '../stages/contract.js'
import type { CompiledStep } from './compiled-route.js'
import type { LiveExchange } from './exchange.js'

/** What a stage that throws answers: closed, under its own code. */
function stageFailed(step: Step): Reason {
  const stage = step.stage.replace(/[A-Z]/g, (capital) => `-${capital.toLowerCase()}`)
  return { code: `${stage}.failed`, status: 503, sentence: 'A protection could not do its work, so nothing passes.' }
}

/**
 * Runs steps in order until one refuses: null when all let the exchange pass. It stays synchronous for as long as every
 * check does. A throw is a refusal; a refusal in report mode is recorded and passed over.
 * Runs for every request; measured in bench/hot-path.
 */
export function runSteps(
  steps: readonly CompiledStep[],
  exchange: LiveExchange,
  from = 0,
): Deny | null | Promise<Deny | null> {
  let started = performance.now()
  for (let i = from; i < steps.length; i++) {
    const compiled = steps[i]
    if (compiled === undefined) break
    let verdict: Verdict
    try {
      const answer = compiled.check(exchange)
      if (answer instanceof Promise) return waitFor(answer, steps, exchange, i, started)
      verdict = answer
    } catch (error) {
      verdict = failClosed(compiled.step, error)
    }
    const ended = performance.now()
    if (exchange.record.add(compiled.step, verdict, (ended - started) * 1000)) return verdict as Deny // add says so of denials only
    started = ended
  }
  return null
}

async function waitFor(
  answer: Promise<Verdict>,
  steps: readonly CompiledStep[],
  exchange: LiveExchange,
  at: number,
  started: number,
): Promise<Deny | null> {
  const compiled = steps[at]
  if (compiled === undefined) return null
  let verdict: Verdict
  try {
    verdict = await answer
  } catch (error) {
    verdict = failClosed(compiled.step, error)
  }
  if (exchange.record.add(compiled.step, verdict, (performance.now() - started) * 1000)) return verdict as Deny // as above
  return runSteps(steps, exchange, at + 1)
}

function failClosed(step: Step, error: unknown): Verdict {
  return deny(stageFailed(step), {
    error: error instanceof Error ? `${error.name}: ${error.message}`.slice(0, 200) : 'unknown',
  })
}
