import { formatSelector, type Selector } from '../../values/selector.js'
import {
  allow,
  type Check,
  type Deny,
  deny,
  type Exchange,
  type LimitDecision,
  type Planned,
  type Scope,
  type Section,
  type Slot,
  type Stage,
  type Verdict,
} from '../contract.js'
import { compilePartitionKey } from '../partition-key.js'
import { compileSelector } from '../selectors.js'
import { addLegacyHeaders, addToField, policyItem, secondsUp, stateItem, stateStart } from './fields.js'
import { reasons } from './reasons.js'
import { keys } from './schema.js'
import { type PlannedLimit, readLimit } from './settings.js'

/** Limits that are judged at one place and in one mode: a call takes from all of them, or from none. */
export interface RateLimitSettings {
  readonly mode: 'enforce' | 'report'
  readonly limits: readonly PlannedLimit[]
  /** Whether answers carry X-RateLimit-Limit, -Remaining and -Reset too. */
  readonly legacyHeaders: boolean
}

/** Are they within their rates and quotas? */
export const rateLimit: Stage<RateLimitSettings> = {
  name: 'rateLimit',
  keys,
  reasons,

  resolve(policy, scope) {
    const section = policy.get('rateLimit')
    const { value } = section
    if (value === null || typeof value !== 'object') return []
    const limits: PlannedLimit[] = []
    for (const name of Object.keys(value)) {
      const entry = section.get(name)
      const limit = readLimit(name, entry, scope)
      if (limit === undefined || isTwice(limit, limits, entry, scope)) continue
      warnOfSharedCounter(limit, policy, entry, scope)
      limits.push(limit)
    }
    const legacyHeaders = policy.get('legacyHeaders').value === 'x-ratelimit'
    return groups.flatMap(({ slot, mode }) => plan(slot, mode, limits, legacyHeaders))
  },

  compile({ limits, mode, legacyHeaders }, tools): Check {
    const group = tools.limiter.open(limits)
    const counted = limits.map(compileLimit)
    const forwarded = limits.flatMap(({ count }, i) => (count === 'forwarded' ? [i] : []))
    const speaks = mode === 'enforce'

    const unavailable = deny(reasons.storeUnavailable, {}, { headers: ['Retry-After', '1'] })

    const judge = (exchange: Exchange, decision: LimitDecision): Verdict => {
      if (decision.isUnavailable === true) return unavailable
      // A call that is let past a store that does not answer is counted nowhere, and nothing can be said of it.
      if (decision.states.length === 0) return allow
      if (speaks) {
        announce(exchange, decision, counted)
        if (legacyHeaders) addLegacyHeaders(exchange, decision.states)
      }
      if (!decision.allowed) {
        // A refused call takes nothing, from no limit: also not from those that were judged before anyone was known.
        if (speaks) exchange.granted?.refund()
        return refuse(decision, limits)
      }
      if (speaks) exchange.granted = decision
      if (forwarded.length > 0) exchange.whenDone((reached) => reached || decision.refund(forwarded))
      return allow
    }

    // Runs for every request; measured in bench/hot-path.
    return (exchange) => {
      const partitions = counted.map((limit) => limit.keyOf(exchange))
      const quotas = counted.map((limit) => limit.quotaOf(exchange))
      const decision = group.take(partitions, quotas)
      return decision instanceof Promise ? decision.then((later) => judge(exchange, later)) : judge(exchange, decision)
    }
  },
}

// A step in report mode has counters of its own kind: what it would have refused spends nothing of the enforced ones.
const groups: readonly { readonly slot: Slot; readonly mode: 'enforce' | 'report' }[] = [
  { slot: 'rateLimit:address', mode: 'enforce' },
  { slot: 'rateLimit:address', mode: 'report' },
  { slot: 'rateLimit:client', mode: 'enforce' },
  { slot: 'rateLimit:client', mode: 'report' },
]

function plan(
  slot: Slot,
  mode: 'enforce' | 'report',
  all: readonly PlannedLimit[],
  legacyHeaders: boolean,
): Planned<RateLimitSettings>[] {
  const limits = all.filter((limit) => limit.mode === mode && slotOf(limit) === slot)
  const [first] = limits
  return first === undefined
    ? []
    : [{ slot, mode, settings: { mode, limits, legacyHeaders }, declaredAt: first.declaredAt }]
}

/** Limits by address alone are judged before anybody checks a signature; all others know who is asking. */
function slotOf({ partitionKey, tiers }: PlannedLimit): Slot {
  const isByAddress = partitionKey.every(({ from }) => from === 'ip')
  return isByAddress && !needsIdentity(tiers?.from) ? 'rateLimit:address' : 'rateLimit:client'
}

function needsIdentity(selector: Selector | undefined): boolean {
  return selector?.from === 'jwt' || selector?.from === 'client'
}

function isTwice(limit: PlannedLimit, others: readonly PlannedLimit[], entry: Section, scope: Scope): boolean {
  const other = others.find(({ bucket }) => bucket === limit.bucket)
  if (other === undefined) return false
  scope.report({
    code: 'rate-limit.shared-twice',
    message: `"${other.name}" and "${limit.name}" name the same shared limit: each call would be counted twice.`,
    hint: 'Remove one of them.',
    at: entry.keyPlace,
  })
  return true
}

/** A key that no caller of this route can have makes one counter for all of them. */
function warnOfSharedCounter(limit: PlannedLimit, policy: Section, entry: Section, scope: Scope): void {
  const auth = policy.get('auth')
  const nobody = auth.value === 'none'
  const keyless = auth.get('apiKey').value !== undefined
  const empty = limit.partitionKey.find(
    ({ from }) => (nobody && from === 'client') || ((nobody || keyless) && from === 'jwt'),
  )
  if (empty === undefined) return
  scope.report({
    severity: 'warning',
    code: 'rate-limit.key-never-known',
    message: `${formatSelector(empty)} has no value on ${scope.route.id}, so all callers share one counter.`,
    hint: `Count by ${nobody ? 'ip' : 'client.id'}, or write ${limit.name}: off in this route.`,
    at: entry.keyPlace,
  })
}

interface CompiledLimit {
  readonly keyOf: (exchange: Exchange) => string
  readonly quotaOf: (exchange: Exchange) => number
  /** Its member of RateLimit-Policy. */
  readonly policyOf: (quota: number) => string
  readonly stateStart: string
}

function compileLimit(limit: PlannedLimit): CompiledLimit {
  const { name, windowMs, calendar, quota, tiers } = limit
  const policies = new Map(
    [quota, ...(tiers?.quotas.map(([, each]) => each) ?? [])].map((each) => [
      each,
      policyItem(name, each, windowMs, calendar !== 'month'),
    ]),
  )
  return {
    keyOf: compilePartitionKey(limit.partitionKey),
    quotaOf: compileQuota(limit),
    policyOf: (each) => policies.get(each) ?? policyItem(name, each, windowMs, calendar !== 'month'),
    stateStart: stateStart(name),
  }
}

function compileQuota({ quota, tiers }: PlannedLimit): (exchange: Exchange) => number {
  if (tiers === null) return () => quota
  const quotas = new Map(tiers.quotas)
  const find = compileSelector(tiers.from)
  return (exchange) => quotas.get(find(exchange) ?? '') ?? tiers.fallback
}

function announce(exchange: Exchange, { states }: LimitDecision, limits: readonly CompiledLimit[]): void {
  let policy = ''
  let rest = ''
  states.forEach((state, i) => {
    const limit = limits[i]
    if (limit === undefined) return
    const comma = i === 0 ? '' : ', '
    policy += comma + limit.policyOf(state.quota)
    rest += comma + stateItem(limit.stateStart, state)
  })
  addToField(exchange, 'RateLimit-Policy', policy)
  addToField(exchange, 'RateLimit', rest)
}

/** Names the limit that makes the caller wait longest: once that one is free, all are. */
function refuse({ states }: LimitDecision, limits: readonly PlannedLimit[]): Deny {
  let longest = -1
  states.forEach((state, i) => {
    if (state.exceeded && state.resetMs > (states[longest]?.resetMs ?? -1)) longest = i
  })
  const limit = limits[longest]
  const state = states[longest]
  if (limit === undefined || state === undefined) throw new Error('a refusal without a limit that is spent')
  const retryAfter = Math.max(1, secondsUp(state.resetMs))
  return deny(
    reasons.exceeded,
    {
      limit: limit.name,
      partitionKey: limit.partitionKey.map(formatSelector).join(', '),
      quota: state.quota,
      windowMs: limit.windowMs,
      retryAfterSeconds: retryAfter,
    },
    { headers: ['Retry-After', String(retryAfter)], declaredAt: limit.declaredAt },
  )
}
