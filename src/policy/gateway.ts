import type { AddressLimitPlan, AdminPlan, GatewayPlan, LimitsPlan, ListenerPlan } from '../plan/plan.js'
import { parseByteSize } from '../values/byte-size.js'
import { parseDuration } from '../values/duration.js'
import type { Place } from '../values/place.js'
import { parseRate, parseWindow } from '../values/rate.js'
import { cidrFault, isLoopback, parseListenAddress } from './addresses.js'
import { limits } from './gateway-schema.js'
import { resolveHopToken } from './hop-token.js'
import { type Resolving, textOf, textsOf } from './resolving.js'
import type { NodeSection } from './section.js'
import { resolveStore } from './store.js'
import { resolveTls } from './tls.js'

/** Addresses that flags and environment put in place of the policy's. */
export interface ListenOverrides {
  readonly listen?: string | undefined
  readonly adminListen?: string | undefined
}

/** The process, from gateway.yaml (an empty section where there is none) and the built-in values. */
export function resolveGateway(
  section: NodeSection,
  overrides: ListenOverrides,
  resolving: Resolving,
): Omit<GatewayPlan, 'protectedResource'> {
  const publicListener = listener(
    section.get('listeners', 'public', 'address'),
    overrides.listen,
    '127.0.0.1:8080',
    '--listen',
    resolving,
  )
  const adminAt = section.get('listeners', 'admin')
  const admin = listener(adminAt.get('address'), overrides.adminListen, '127.0.0.1:9090', '--admin-listen', resolving)
  if (publicListener.port !== 0 && publicListener.port === admin.port && sameHost(publicListener.host, admin.host)) {
    resolving.report({
      code: 'gateway.listeners-collide',
      message: `The public and the admin listener both want port ${admin.port}.`,
      hint: 'Give the admin listener another port; it is never on the public one.',
      at: overrides.adminListen === undefined ? adminAt.get('address').place : flagPlace('--admin-listen'),
    })
  }
  const tls = resolveTls(section.get('listeners', 'public', 'tls'), resolving)
  const tokenAt = adminAt.get('token')
  const token = tokenAt.value === undefined ? null : (resolving.secretText(tokenAt) ?? null)
  return {
    listeners: { public: { ...publicListener, tls }, admin: { ...admin, token } satisfies AdminPlan },
    trustedProxies: trustedProxies(section.get('trustedProxies'), resolving),
    limits: resolveLimits(section.get('limits')),
    addressLimit: addressLimit(section.get('addressLimit'), resolving),
    store: resolveStore(section.get('store'), resolving),
    hopToken: resolveHopToken(section.get('hopToken'), resolving),
    revocation: { file: textOf(section.get('revocation', 'file')) ?? null },
    accessLog: { redact: textsOf(section.get('observability', 'accessLog', 'redact')) },
  }
}

function sameHost(a: string, b: string): boolean {
  const isAny = (host: string) => host === '0.0.0.0' || host === '::'
  return a === b || isAny(a) || isAny(b) || (isLoopback(a) && isLoopback(b))
}

function listener(
  section: NodeSection,
  override: string | undefined,
  fallback: string,
  flag: string,
  { report }: Resolving,
): ListenerPlan {
  const text = override ?? textOf(section) ?? fallback
  const found = parseListenAddress(text)
  if (found !== null) return found
  report({
    code: 'gateway.address-unreadable',
    message: `"${text}" is no address to listen on.`,
    hint: 'Write host:port, such as 0.0.0.0:8080, 127.0.0.1:0 or [::]:8080.',
    at: override === undefined ? section.place : flagPlace(flag),
  })
  return { host: '127.0.0.1', port: 0 }
}

/** Where something stands that came from a flag, or from the variable that goes with it. */
function flagPlace(flag: string): Place {
  return { file: `(${flag})`, line: 1, column: 1 }
}

function trustedProxies(section: NodeSection, { report }: Resolving): string[] {
  const blocks: string[] = []
  for (const [i, block] of textsOf(section).entries()) {
    const at = section.get(i).place
    const fault = cidrFault(block)
    if (fault !== undefined)
      report({ code: 'gateway.proxy-unreadable', message: fault, hint: 'Write 10.0.0.1 or 10.0.0.0/8.', at })
    else if (block.endsWith('/0')) {
      report({
        code: 'gateway.proxy-everyone',
        message: `${block} is everyone: any caller could choose the address it is known by.`,
        hint: 'Name the addresses of your load balancer.',
        at,
      })
    } else blocks.push(block)
  }
  return blocks
}

function resolveLimits(section: NodeSection): LimitsPlan {
  const plan: Record<string, number> = {}
  for (const [key, limit] of Object.entries(limits)) {
    const { value } = section.get(key)
    const read =
      typeof value === 'number'
        ? value
        : typeof value === 'string'
          ? (parseByteSize(value) ?? parseDuration(value))
          : null
    plan[limit.plan] = read ?? limit.value
  }
  return plan as unknown as LimitsPlan // `limits` names every key of it: `satisfies` and the tests hold the two together
}

function addressLimit(section: NodeSection, { report }: Resolving): AddressLimitPlan | null {
  if (section.value === undefined) return null
  const own = fixedRate(section, report)
  const failed = section.get('failedAuth')
  const failedAuth = failed.value === undefined ? null : fixedRate(failed, report)
  const prefix = section.get('ipv6Prefix').value
  const ipv6Prefix = typeof prefix === 'number' ? prefix : 64
  return own === null ? null : { ...own, ipv6Prefix, failedAuth, declaredAt: section.keyPlace }
}

/** A rate over a plain window: the tier of the process knows no calendar. */
function fixedRate(
  section: NodeSection,
  report: Resolving['report'],
): { readonly quota: number; readonly windowMs: number } | null {
  const short = textOf(section)
  const window = short === undefined ? parseWindow(textOf(section.get('window')) ?? '') : null
  const quota = section.get('quota').value
  const found =
    short !== undefined ? parseRate(short) : window === null || typeof quota !== 'number' ? null : { quota, ...window }
  if (found !== null && found.calendar === null && found.quota > 0)
    return { quota: found.quota, windowMs: found.windowMs }
  report({
    code: 'gateway.rate-unreadable',
    message: found?.calendar != null ? 'The address limit knows no calendar windows.' : 'This rate admits nothing.',
    hint: 'Write a count, a slash and a window: 1200/1m.',
    at: section.place,
  })
  return null
}
