import { readTarget } from '../../gateway/canonical.js'
import { requestLimits } from '../../gateway/compiled-route.js'
import { reasons } from '../../gateway/reasons.js'
import { RouteTable } from '../../gateway/route-table.js'
import type { IssuerPlan, Plan, RouteMatch, RoutePlan, UpstreamPlan } from '../../plan/plan.js'
import type { EffectiveValue } from '../../policy/effective.js'
import type { ExplainedRoute, WrittenRoute } from '../../policy/explain-route.js'
import { printable } from '../../record/human.js'
import type { Reason } from '../../stages/contract.js'
import { formatDuration } from '../../values/duration.js'
import { nearest } from '../../values/nearest.js'
import { formatPlace, type Place } from '../../values/place.js'
import type { Paint } from '../terminal.js'

/** A route that might have taken a request, and why it did not. */
export interface Candidate {
  readonly id: string
  readonly place: Place
  /** Null for the one that takes it. */
  readonly lost: string | null
}

/** Which route takes a request, out of all that are written. */
export interface Choice {
  readonly winner: WrittenRoute | null
  /** Those whose path fits, the winner first. */
  readonly candidates: readonly Candidate[]
  /** Why there is no winner. */
  readonly refusal: string | null
}

/** Chooses as the gateway does: by its canonical path and its own table. The key of a pattern chooses that route. */
export function chooseRoute(routes: readonly WrittenRoute[], method: string, target: string): Choice {
  const own =
    target.includes('{') || method === 'ANY' ? routes.find(({ id }) => id === `${method} ${target}`) : undefined
  if (own !== undefined)
    return { winner: own, candidates: [{ id: own.id, place: own.place, lost: null }], refusal: null }
  const read: { readonly path: string } | Reason = readTarget(target, Number.POSITIVE_INFINITY, true)
  if (!('path' in read))
    return { winner: null, candidates: [], refusal: `${read.status} ${read.code}: ${read.sentence}` }
  const table = new RouteTable<WrittenRoute>()
  for (const route of routes) table.add(route.match, route)
  const found = table.find(method, read.path)
  const winner = found !== null && 'route' in found ? found.route : null
  const fitting = routes.filter(({ match }) => fits(match, read.path))
  const others = fitting.filter((route) => route !== winner)
  const candidates = others.map((route) => ({ id: route.id, place: route.place, lost: whyLost(route, winner, method) }))
  if (winner !== null) {
    return { winner, candidates: [{ id: winner.id, place: winner.place, lost: null }, ...candidates], refusal: null }
  }
  if (found !== null && 'allowed' in found) {
    return { winner, candidates, refusal: `405 route.method-not-allowed: the path takes ${found.allowed.join(', ')}.` }
  }
  const near = nearest(
    `${method} ${read.path}`,
    routes.map(({ id }) => id),
  )
  const hint = near === undefined ? '' : ` The nearest is ${near}.`
  return { winner, candidates, refusal: `404 route.not-found: no route has this path.${hint}` }
}

/** Why a route whose pattern fits takes the target all the same not; null where it does. */
export function refusalOf(route: RoutePlan, target: string): string | null {
  const { status, code, sentence } = reasons.target
  const isStray = /%2f/i.test(target.split('?')[0] ?? '') && requestLimits(route)?.encodedSlash !== 'allow'
  return isStray ? `${status} ${code}: ${sentence} ${route.id} would take it with request.encodedSlash: allow.` : null
}

/** Whether the pattern of a route takes a path, whatever the method. The table decides; most need not be put to it. */
function fits({ segments }: RouteMatch, path: string): boolean {
  if (!path.includes('%')) {
    const [first] = segments
    if (first !== undefined && 'literal' in first && !path.startsWith(`/${first.literal}`)) return false
  }
  const table = new RouteTable<true>()
  table.add({ method: 'ANY', segments }, true)
  return table.find('GET', path) !== null
}

function whyLost(route: WrittenRoute, winner: WrittenRoute | null, method: string): string {
  const takes = route.match.method
  const isOfMethod = takes === method || takes === 'ANY' || (takes === 'GET' && method === 'HEAD')
  if (!isOfMethod) return `takes ${takes}, not ${method}`
  if (winner === null) return 'its path ends elsewhere'
  for (const [i, segment] of winner.match.segments.entries()) {
    const other = route.match.segments[i]
    if (kindOf(segment) === kindOf(other)) continue
    return `less specific: ${kindOf(other)} where the winner has ${kindOf(segment)} (segment ${i + 1})`
  }
  return takes === 'ANY' ? 'ANY, where the winner names the method' : 'the winner names the method exactly'
}

function kindOf(segment: RouteMatch['segments'][number] | undefined): string {
  if (segment === undefined) return 'nothing'
  return 'literal' in segment ? 'a literal' : 'param' in segment ? 'a parameter' : 'the rest of the path'
}

/** Everything that holds for a route, for a person: values with origins, the order of controls, candidates. */
export function formatRoute(
  explained: ExplainedRoute,
  plan: Plan,
  candidates: readonly Candidate[],
  paint: Paint,
): string {
  const { plan: route, removals } = explained
  const values = explained.values.toSorted((a, b) => rankOf(a.path) - rankOf(b.path))
  const width = Math.max(...values.map(({ path }) => path.length))
  const textWidth = Math.min(44, Math.max(...values.map(({ text }) => text.length)))
  const lines = [`${paint('bold', printable(route.id))}  ${paint('dim', formatPlace(route.declaredAt))}`]
  for (const value of values) {
    const line = `  ${value.path.padEnd(width)}  ${printable(value.text).padEnd(textWidth)}  ${shortPlace(value.place)}`
    const said = remarks(value, route, plan)
    const isShort = said.length === 1 && line.length + (said[0] ?? '').length < widest
    lines.push(isShort ? `${line}  ${paint('dim', said[0] ?? '')}` : line)
    if (!isShort) lines.push(...said.map((remark) => `  ${' '.repeat(width)}    ${paint('dim', remark)}`))
  }
  for (const { path, kind, place } of removals) {
    const says = kind === 'off' ? 'switched off' : 'set back to the built-in value'
    lines.push(
      `  ${path.padEnd(width)}  ${paint('yellow', says.padEnd(textWidth))}  ${paint('dim', shortPlace(place))}`,
    )
  }
  lines.push('', 'Order of controls', ...controls(route, plan, paint))
  const inspected = inspection(route)
  if (inspected.length > 0) lines.push('', 'Inspection', ...inspected)
  if (candidates.length > 1) {
    const idWidth = Math.max(...candidates.map(({ id }) => id.length))
    lines.push('', 'Candidates')
    for (const { id, lost, place } of candidates) {
      lines.push(`  ${printable(id).padEnd(idWidth)}  ${lost ?? 'wins'}  ${paint('dim', shortPlace(place))}`)
    }
  }
  return `${lines.join('\n')}\n`
}

/** Wider lines wrap on most terminals. */
const widest = 120

/** Keys in the order in which what they say is asked. */
const keyOrder = [
  'upstream',
  'auth',
  'reason',
  'cors',
  'ip',
  'rateLimit',
  'concurrency',
  'request',
  'inspect',
  'replay',
]

function rankOf(path: string): number {
  const rank = keyOrder.indexOf(path.split('.')[0] ?? '')
  return rank === -1 ? keyOrder.length : rank
}

/** What a value overrode, what it leads to, and the guardrail over it. */
function remarks({ path, overrode, guardrail }: EffectiveValue, route: RoutePlan, plan: Plan): readonly string[] {
  const parts = overrode.map(({ text, place }) => `instead of ${printable(text)} (${shortPlace(place)})`)
  if (path === 'upstream') {
    const upstream = plan.upstreams[route.upstream]
    if (upstream !== undefined) {
      parts.push(`→ ${upstream.origin}${upstream.basePath} (${shortPlace(upstream.declaredAt)})`)
      if (upstream.auth.kind !== 'none') parts.push(signInOf(upstream))
      parts.push(placesOf(upstream))
    }
  }
  if (path === 'auth' || /^auth\.(jwt|introspection|anyOf)$/.test(path)) {
    for (const issuer of issuersOf(route, plan)) parts.push(`→ ${issuer.issuer} (${shortPlace(issuer.declaredAt)})`)
  }
  if (guardrail !== null) parts.push(`guardrail ${guardrail.text} (${shortPlace(guardrail.place)}) kept`)
  return parts
}

/** Whose tokens the route takes. The settings are the auth stage's own, so they are read with care. */
function issuersOf(route: RoutePlan, plan: Plan): readonly IssuerPlan[] {
  const settings = Object(route.steps.find(({ stage }) => stage === 'auth')?.settings)
  const methods: unknown[] = Array.isArray(settings.methods) ? settings.methods : [settings]
  const names = new Set(methods.map((method) => String(Object(method).issuer)))
  return [...names].flatMap((name) => plan.issuers[name] ?? [])
}

/** `signs in by aws-sigv4 (lambda in eu-west-1), canary every 10m`. */
function signInOf({ auth, canary }: UpstreamPlan): string {
  const watch =
    canary === undefined
      ? ''
      : `, canary ${canary.everyMs === null ? 'once' : `every ${formatDuration(canary.everyMs)}`}`
  switch (auth.kind) {
    case 'aws-sigv4':
      return `signs in by aws-sigv4 (${auth.service} in ${auth.region})${watch}`
    case 'google-id-token':
      return `signs in by google-id-token (${auth.audience})${watch}`
    case 'azure-entra':
      return `signs in by azure-entra (${auth.resource})${watch}`
    case 'header':
      return `signs in by ${auth.headers.map(({ name }) => name).join(', ')}${watch}`
    default:
      return `takes every call${watch}`
  }
}

/** `100 calls at once, breaker at 50 % of failures`. */
function placesOf({ concurrency, breaker }: UpstreamPlan): string {
  const opens = breaker === null ? '' : `, breaker at ${breaker.failurePercent} % of failures`
  return `${concurrency} calls at once${opens}`
}

/** The fixed order, as far as this route has it. */
function controls(route: RoutePlan, plan: Plan, paint: Paint): string[] {
  const { addressLimit } = plan.gateway
  const rows: (readonly [name: string, says: string, place: string])[] = [
    ['wire', 'one unambiguous request, a canonical path', ''],
    ...(addressLimit === null
      ? []
      : [
          [
            'addressLimit',
            `${addressLimit.quota} in ${addressLimit.windowMs / 1000} s`,
            shortPlace(addressLimit.declaredAt),
          ] as const,
        ]),
  ]
  let isInBody = false
  for (const { stage, slot, mode, phase, declaredAt, settings } of route.steps) {
    if (phase !== 'head' && !isInBody) {
      isInBody = true
      rows.push(['', route.body === 'buffered' ? '– the body is read here –' : '– the body streams –', ''])
    }
    const limits: unknown = Object(settings).limits
    const names = Array.isArray(limits) ? limits.map((limit) => String(Object(limit).name)).join(', ') : ''
    const by = slot === 'rateLimit:address' ? 'by address' : ''
    const says = [mode === 'report' ? 'REPORT ONLY' : '', names, by].filter((part) => part !== '').join(' ')
    rows.push([stage, says, shortPlace(declaredAt)])
  }
  const saysWidth = Math.max(...rows.map(([, says]) => says.length))
  let position = 0
  return rows.map(([name, says, place]) => {
    const at = name === '' ? '  ' : String(++position).padStart(2)
    return `  ${at} ${name.padEnd(12)} ${says.padEnd(saysWidth)}  ${paint('dim', place)}`.trimEnd()
  })
}

/** What is inspected by what, and why the rest is not. The settings are the stage's own, so they are read with care. */
function inspection(route: RoutePlan): string[] {
  const settings = Object(route.steps.find(({ stage }) => stage === 'inspect')?.settings)
  const pinned: unknown[] = Array.isArray(settings.pinned) ? settings.pinned : []
  const fields: unknown[] = Array.isArray(settings.fields) ? settings.fields : []
  const exceptions: unknown[] = Array.isArray(settings.exceptions) ? settings.exceptions : []
  const modes = Object.entries(Object(settings.detectors)).map(([name, mode]) => `${name} ${String(mode)}`)
  const shown = pinned.slice(0, mostPinned).map((place) => printable(String(place)))
  const more = pinned.length > mostPinned ? `, and ${pinned.length - mostPinned} more` : ''
  return [
    ...(pinned.length > 0 ? [`  not inspected, for the schema leaves no room: ${shown.join(', ')}${more}`] : []),
    ...fields.map(
      (field) =>
        `  ${printable(String(Object(field).at))} holds ${String(Object(field).text)}: without what such text trips`,
    ),
    ...exceptions.map(
      (rule) =>
        `  ${printable(String(Object(rule).at))} without ${String(Object(rule).rule)}: exception ${printable(String(Object(rule).name))}`,
    ),
    ...(modes.length > 0 ? [`  detectors that do not deny: ${modes.join(', ')}`] : []),
  ]
}

/** Places that one line names. */
const mostPinned = 8

/** `orders.yaml:6`; the column would only widen the table. */
function shortPlace({ file, line }: Place): string {
  return file === '(built-in)' ? 'built-in' : `${file}:${line}`
}
