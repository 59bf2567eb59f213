import { nearest } from '../../values/nearest.js'
import type { Place } from '../../values/place.js'
import type { Rate } from '../../values/rate.js'
import type { Selector } from '../../values/selector.js'
import type { LimitSpec, Scope, Section } from '../contract.js'
import { readHeadSelector, readPartitionKey } from '../partition-key.js'
import { readRate, readWindow } from './rate-texts.js'

/** One limit of a route, as the plan holds it. */
export interface PlannedLimit extends LimitSpec {
  readonly name: string
  readonly partitionKey: readonly Selector[]
  /** Quotas by the value of a selector; null: `quota` for everyone. */
  readonly tiers: {
    readonly from: Selector
    readonly quotas: readonly (readonly [name: string, quota: number])[]
    readonly fallback: number
  } | null
  readonly count: 'admitted' | 'forwarded'
  readonly mode: 'enforce' | 'report'
  /** The line of this limit, which a denial points at. */
  readonly declaredAt: Place
}

type Amount = Pick<PlannedLimit, 'quota' | 'windowMs' | 'calendar' | 'tiers'>

/** Reads one entry of `rateLimit`. Undefined where it is off, or reported as a problem. */
export function readLimit(name: string, entry: Section, scope: Scope): PlannedLimit | undefined {
  const { value } = entry
  if (typeof value !== 'string') {
    const named = entry.get('shared')
    if (typeof named.value === 'string') return readNamed(name, named.value, named, entry, scope)
    return readBody(name, `${scope.route.id}#${name}`, entry, entry.keyPlace, entry.get('cost'), scope)
  }
  if (value === 'off') return undefined
  if (/^\s*\d/.test(value) && !Object.hasOwn(scope.rateLimits, value)) {
    const rate = readRate(entry, scope)
    if (rate !== undefined) reportKeyless(entry, scope)
    return undefined
  }
  return readNamed(name, value, entry, entry, scope)
}

/** A limit that stands under `rateLimits`; a route may say what one of its calls costs, and no more. */
function readNamed(name: string, named: string, at: Section, entry: Section, scope: Scope): PlannedLimit | undefined {
  const shared = Object.hasOwn(scope.rateLimits, named) ? scope.rateLimits[named] : undefined
  if (shared !== undefined) {
    const own = typeof entry.value === 'string' ? [] : Object.keys(Object(entry.value))
    const extra = own.find((key) => key !== 'shared' && key !== 'cost')
    if (extra === undefined) return readShared(name, named, shared, entry.get('cost'), scope)
    scope.report({
      code: 'rate-limit.shared-changed',
      message: `The limit "${named}" is shared: its ${extra} is that of its declaration, on every route.`,
      hint: `Remove ${extra}, or declare a limit of this route's own.`,
      at: entry.get(extra).keyPlace,
    })
    return undefined
  }
  const known = Object.keys(scope.rateLimits)
  const guess = nearest(named, known)
  scope.report({
    code: 'rate-limit.unknown',
    message: `Shared limit "${named}" is not declared. ${
      known.length === 0 ? 'No file declares any under rateLimits.' : `Known limits: ${known.join(', ')}.`
    }`,
    ...(guess !== undefined && { hint: `Did you mean ${guess}?` }),
    at: at.place,
  })
  return undefined
}

function readShared(
  name: string,
  named: string,
  shared: Section,
  cost: Section,
  scope: Scope,
): PlannedLimit | undefined {
  if (typeof shared.value === 'string' || shared.get('shared').value !== undefined) {
    scope.report({
      code: 'rate-limit.shared-not-whole',
      message: `The shared limit "${named}" names another; under rateLimits a limit is written out.`,
      hint: 'For example { partitionKey: client.id, quota: 1000, window: 1h }.',
      at: shared.place,
    })
    return undefined
  }
  // A denial points at the line that holds the numbers.
  const said = cost.value === undefined ? shared.get('cost') : cost
  return readBody(name, `#${named}`, shared, shared.keyPlace, said, scope)
}

function readBody(
  name: string,
  bucket: string,
  body: Section,
  declaredAt: Place,
  cost: Section,
  scope: Scope,
): PlannedLimit | undefined {
  const mode = body.get('mode').value
  if (mode === 'off') return undefined
  if (body.get('partitionKey').value === undefined) {
    scope.report({
      code: 'rate-limit.key-missing',
      message: 'A limit says for whom it counts: it needs a partitionKey.',
      hint: 'For example partitionKey: ip, or jwt.sub.',
      at: body.keyPlace,
    })
    return undefined
  }
  const partitionKey = readPartitionKey(body.get('partitionKey'), 'rate-limit', scope)
  const amount = readAmount(body, scope)
  if (partitionKey === undefined || amount === undefined) return undefined
  const algorithm = readAlgorithm(body, amount, scope)
  if (algorithm === undefined) return undefined
  const burst = body.get('burst').value
  const taken = typeof cost.value === 'number' ? cost.value : 1
  const least = Math.min(
    typeof burst === 'number' ? burst : Number.POSITIVE_INFINITY,
    ...(amount.tiers?.quotas.map(([, quota]) => quota) ?? [amount.quota]),
  )
  if (taken > least) {
    scope.report({
      code: 'rate-limit.cost-too-large',
      message: `One call costs ${taken} where at most ${least} may be taken at once: no call would ever pass.`,
      hint: 'Lower the cost, or raise the quota and the burst.',
      at: cost.place,
    })
    return undefined
  }
  return {
    name,
    bucket,
    partitionKey,
    ...amount,
    algorithm,
    burst: typeof burst === 'number' ? burst : null,
    cost: taken,
    count: body.get('count').value === 'forwarded' ? 'forwarded' : 'admitted',
    mode: mode === 'report' ? 'report' : 'enforce',
    declaredAt,
  }
}

function readAmount(body: Section, scope: Scope): Amount | undefined {
  const quota = body.get('quota')
  const window = body.get('window')
  const tiers = body.get('tiers')
  if (tiers.value !== undefined) {
    const extra = quota.value !== undefined ? quota : window.value !== undefined ? window : undefined
    if (extra === undefined) return readTiers(tiers, scope)
    scope.report({
      code: 'rate-limit.amount-twice',
      message: 'A limit with tiers takes its quota and window from them.',
      hint: 'Remove quota and window (an inherited one is taken away by quota: ~), or the tiers.',
      at: extra.keyPlace,
    })
    return undefined
  }
  if (quota.value === undefined || window.value === undefined) {
    scope.report({
      code: 'rate-limit.amount-missing',
      message: 'A limit needs a quota and a window, or tiers.',
      hint: 'For example quota: 100 and window: 1m.',
      at: body.keyPlace,
    })
    return undefined
  }
  const read = readWindow(window, scope)
  // An integer by schema.
  return read === undefined ? undefined : { quota: quota.value as number, ...read, tiers: null }
}

function readTiers(section: Section, scope: Scope): Amount | undefined {
  // A map of texts by schema.
  const written = section.value as Readonly<Record<string, string>>
  const names = Object.keys(written).filter((name) => name !== 'from' && name !== 'default')
  const from = readHeadSelector(section.get('from'), 'rate-limit', scope)
  const rates = names.map((name) => [name, readRate(section.get(name), scope)] as const)
  const fallback = rates.find(([name]) => name === written['default'])
  if (fallback === undefined) {
    const guess = nearest(String(written['default']), names)
    scope.report({
      code: 'rate-limit.tier-unknown',
      message: `The default tier "${written['default']}" is not one of ${names.join(', ')}.`,
      ...(guess !== undefined && { hint: `Did you mean ${guess}?` }),
      at: section.get('default').place,
    })
  }
  const quotas: (readonly [string, number])[] = []
  let first: Rate | undefined
  for (const [name, rate] of rates) {
    if (rate === undefined) return undefined
    first ??= rate
    if (rate.windowMs !== first.windowMs || rate.calendar !== first.calendar) {
      scope.report({
        code: 'rate-limit.tier-window',
        message: `All tiers of a limit share one window: ${names[0]} has ${written[names[0] ?? '']}, ${name} has ${written[name]}.`,
        hint: 'A client that changes its tier keeps its count, which must mean the same in both.',
        at: section.get(name).place,
      })
      return undefined
    }
    quotas.push([name, rate.quota])
  }
  if (first === undefined || from === undefined || fallback?.[1] === undefined) return undefined
  const { windowMs, calendar } = first
  const quota = Math.max(...quotas.map(([, each]) => each))
  return { quota, windowMs, calendar, tiers: { from, quotas, fallback: fallback[1].quota } }
}

function readAlgorithm(body: Section, amount: Amount, scope: Scope): LimitSpec['algorithm'] | undefined {
  const burst = body.get('burst')
  const written = body.get('algorithm')
  const conflict = (message: string, hint: string, at: Place): undefined => {
    scope.report({ code: 'rate-limit.algorithm-conflict', message, hint, at })
  }
  if (amount.calendar !== null) {
    if (burst.value === undefined && written.value === undefined) return 'calendar'
    const extra = burst.value === undefined ? written : burst
    return conflict(
      `A limit per calendar ${amount.calendar} has neither burst nor algorithm.`,
      'Remove it, and add a second limit against bursts.',
      extra.keyPlace,
    )
  }
  if (burst.value !== undefined && written.value !== undefined && written.value !== 'token-bucket') {
    return conflict(
      `A burst makes a limit a token-bucket, not a ${String(written.value)}.`,
      'Remove the burst or the algorithm.',
      burst.keyPlace,
    )
  }
  if (burst.value !== undefined || written.value === 'token-bucket') return 'token-bucket'
  return written.value === 'fixed-window' ? 'fixed-window' : 'sliding-window'
}

function reportKeyless(entry: Section, scope: Scope): void {
  scope.report({
    code: 'rate-limit.partition-key-missing',
    message: `"${String(entry.value)}" says how many, but not for whom.`,
    hint: `Write { partitionKey: ip, quota: ${String(entry.value).replace('/', ', window: ')} }.`,
    at: entry.place,
  })
}
