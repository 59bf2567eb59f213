import type { Metrics } from '../record/metrics.js'
import type { UpstreamGate, UpstreamGates } from '../state/upstream-gates.js'

/** As numbers, so that an alert can ask for more than 0. */
const breakerStates = { closed: 0, 'half-open': 1, open: 2 } as const

/** Registers what stands before each function: places, the breaker, retries. Labels are names of the policy. */
export function registerUpstreams(metrics: Metrics, gates: Pick<UpstreamGates, 'all'>): void {
  /** While a reload moves a function to another origin, both gates of its name live: they are told together. */
  const sum = (of: (gate: UpstreamGate) => number | null) => (): [upstream: string, value: number][] => {
    const sums = new Map<string, number>()
    for (const gate of gates.all()) {
      const value = of(gate)
      if (value !== null) sums.set(gate.name, (sums.get(gate.name) ?? 0) + value)
    }
    return [...sums]
  }
  const register = (
    name: string,
    help: string,
    type: 'counter' | 'gauge',
    parts: readonly (readonly [labels: Readonly<Record<string, string>>, of: (gate: UpstreamGate) => number | null])[],
  ): void => {
    const collect = () =>
      parts.flatMap(([labels, of]) =>
        sum(of)().map(([upstream, value]) => ({ labels: { upstream, ...labels }, value })),
      )
    metrics.register({ name, help, type, collect })
  }
  register('postern_upstream_in_flight', 'Calls under way, by function.', 'gauge', [[{}, (gate) => gate.inFlight]])
  register('postern_upstream_capacity', 'Calls that a function may have under way at once.', 'gauge', [
    [{}, (gate) => gate.capacity],
  ])
  register('postern_upstream_refused_total', 'Calls that were not let through to a function, by reason.', 'counter', [
    [{ reason: 'at-capacity' }, (gate) => gate.refusedFull],
    [{ reason: 'breaker-open' }, (gate) => (gate.breaker === null ? null : gate.refusedOpen)],
  ])
  register('postern_upstream_retries_total', 'Calls sent again, and those for which the budget was spent.', 'counter', [
    [{ result: 'sent' }, (gate) => gate.retries],
    [{ result: 'budget-spent' }, (gate) => gate.retriesRefused],
  ])
  register('postern_breaker_state', '0 closed, 1 trying, 2 open; for functions that have a breaker.', 'gauge', [
    [{}, ({ breaker }) => (breaker === null ? null : breakerStates[breaker.state])],
  ])
  register('postern_breaker_opened_total', 'How often the breaker of a function has opened.', 'counter', [
    [{}, ({ breaker, opened }) => (breaker === null ? null : opened)],
  ])
}
