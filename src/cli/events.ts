import { printable } from '../record/human.js'
import { formatEvent } from '../record/line.js'
import type { Problem } from '../values/problem.js'
import { counted } from './counted.js'
import { countProblems, formatBriefly, formatProblems } from './problems.js'
import type { Paint } from './terminal.js'

/** What happens to the serving process itself, beside decisions. */
export type ServeEvent =
  | {
      readonly event: 'started'
      readonly gateway: string
      readonly admin: string
      readonly plan: string
      readonly routes: number
      readonly warnings: readonly Problem[]
      readonly tookMs: number
    }
  | {
      readonly event: 'reloaded'
      readonly cause: string
      readonly plan: string
      readonly previous: string
      readonly routes: number
      /** Of these, routes that did not change and keep their compiled steps. */
      readonly reused: number
      readonly warnings: readonly Problem[]
      readonly tookMs: number
    }
  | {
      readonly event: 'reload-refused'
      readonly cause: string
      readonly problems: readonly Problem[]
      /** The plan that serves on. */
      readonly plan: string
      readonly tookMs: number
    }
  /** Secrets were read anew and are others than before; their names. */
  | { readonly event: 'secrets-renewed'; readonly cause: string; readonly secrets: readonly string[] }
  | { readonly event: 'reload-unchanged'; readonly cause: string; readonly plan: string }
  /** What a reload cannot change: the process must be started again. */
  | { readonly event: 'restart-needed'; readonly keys: readonly string[] }
  /** An issuer's keys cannot be fetched, or can again. */
  | {
      readonly event: 'key-set'
      readonly issuer: string
      readonly level: 'info' | 'warn'
      readonly message: string
    }
  /** The breaker of a function opened, tries, or closed again. */
  | {
      readonly event: 'breaker'
      readonly upstream: string
      readonly state: 'closed' | 'open' | 'half-open'
      readonly level: 'info' | 'warn'
      readonly message: string
    }
  /** More callers are counted than a limit has room for: new ones share one counter. At most once a minute. */
  | { readonly event: 'limit-full'; readonly limit: string }
  /** The shared store does not answer, or answers again. */
  | {
      readonly event: 'store'
      readonly state: 'up' | 'down'
      readonly level: 'info' | 'warn'
      readonly message: string
    }
  /** The gateway's own credentials for a platform cannot be had, or can again. */
  | {
      readonly event: 'credentials'
      readonly source: string
      readonly level: 'info' | 'warn'
      readonly message: string
    }
  /** A function answers to strangers, or no longer does. */
  | {
      readonly event: 'canary'
      readonly upstream: string
      readonly level: 'info' | 'warn'
      readonly verdict: 'open' | 'closed' | 'unclear'
      readonly message: string
    }
  /** The place where revocations are kept cannot be read, or can again. */
  | { readonly event: 'revocations'; readonly level: 'info' | 'warn'; readonly message: string }
  /** Something in Postern threw that should not have; requests are judged all the same. */
  | { readonly event: 'fault'; readonly message: string; readonly times: number }
  /** New connections get another certificate than before. */
  | { readonly event: 'certificate-renewed'; readonly sha256: string; readonly validTo: string }
  | { readonly event: 'draining'; readonly signal: string; readonly inFlight: number }
  | { readonly event: 'stopped'; readonly cut: number; readonly tookMs: number }

/** More than this many problems in one log line help nobody: `check` has them all. */
const mostProblems = 20
/** And more than this many on the screen of somebody who serves. */
const mostFrames = 50

/** The event as one line of JSON, beside the lines of decisions. */
export function eventLine(at: number, event: ServeEvent): string {
  const facts: Record<string, string | number | readonly string[]> = {}
  for (const [key, value] of Object.entries(event)) {
    if (key === 'event') continue
    if (key === 'plan' || key === 'previous') facts[key] = String(value).slice(0, 12)
    else if (key === 'problems' || key === 'warnings') {
      const problems: readonly Problem[] = value
      facts[`${key}Count`] = problems.length
      if (problems.length > 0) facts[key] = problems.slice(0, mostProblems).map(formatBriefly)
    } else facts[key] = key === 'tookMs' ? Math.round(Number(value)) : value
  }
  return formatEvent(at, event.event, facts)
}

/** The event for a person; null where there is nothing to say beyond what is on the screen already. */
export function eventText(event: ServeEvent, folder: string, paint: Paint): string | null {
  const short = (plan: string): string => plan.slice(0, 4)
  switch (event.event) {
    case 'started':
      return event.warnings.length === 0 ? null : formatFirst(event.warnings, folder, paint)
    case 'reloaded':
      return `${paint('green', 'reload')}  plan ${short(event.previous)} → ${short(event.plan)}, ${counted(event.routes, 'route')} (${event.routes - event.reused} changed), ${Math.round(event.tookMs)} ms${
        event.warnings.length === 0 ? '' : `, ${countProblems(event.warnings)}`
      }\n`
    case 'reload-refused':
      return `${paint('red', 'reload REFUSED')}  ${countProblems(event.problems)}; still on plan ${short(event.plan)}\n\n${formatFirst(event.problems, folder, paint)}\n`
    case 'secrets-renewed':
      return `${paint('green', 'secrets')}  ${event.secrets.join(', ')} renewed\n`
    case 'reload-unchanged':
      return `reload  nothing has changed; still on plan ${short(event.plan)}\n`
    case 'restart-needed':
      return `${paint('yellow', 'reload')}  ${event.keys.join(', ')} changed: that takes effect at the next start\n`
    case 'key-set':
      return `${paint(event.level === 'warn' ? 'yellow' : 'dim', `issuer ${printable(event.issuer)}`)}  ${printable(event.message)}\n`
    case 'breaker':
      return `${paint(event.level === 'warn' ? 'yellow' : 'dim', `upstream ${printable(event.upstream)}`)}  breaker ${event.state}: ${printable(event.message)}\n`
    case 'limit-full':
      return `${paint('yellow', 'limit')}  ${printable(event.limit)} has no room for more callers; new ones share one counter\n`
    case 'store':
      return `${paint(event.level === 'warn' ? 'yellow' : 'dim', 'store')}  ${printable(event.message)}\n`
    case 'credentials':
      return `${paint(event.level === 'warn' ? 'yellow' : 'dim', `credentials ${printable(event.source)}`)}  ${printable(event.message)}\n`
    case 'canary':
      return `${paint(event.verdict === 'open' ? 'red' : 'dim', `canary ${printable(event.upstream)} ${event.verdict}`)}  ${printable(event.message)}\n`
    case 'revocations':
      return `${paint(event.level === 'warn' ? 'yellow' : 'dim', 'revocations')}  ${printable(event.message)}\n`
    case 'fault':
      return `${paint('red', 'fault')}  ${printable(event.message)} (${counted(event.times, 'time')})\n`
    case 'certificate-renewed':
      return `${paint('green', 'tls')}  a renewed certificate serves, valid to ${event.validTo.slice(0, 10)}\n`
    case 'draining':
      return `${event.signal}: finishing ${counted(event.inFlight, 'request')}\n`
    case 'stopped':
      return event.cut === 0 ? null : `${counted(event.cut, 'request')} cut off at the end of the drain time\n`
  }
}

/** What is said when a policy set is refused at the start. */
export function refusedStart(problems: readonly Problem[], folder: string, paint: Paint): string {
  return `${formatFirst(problems, folder, paint)}\n${countProblems(problems)} in ${folder}: nothing was started.\n`
}

function formatFirst(problems: readonly Problem[], folder: string, paint: Paint): string {
  const more = problems.length - mostFrames
  const text = formatProblems(problems.slice(0, mostFrames), folder, paint)
  return more > 0 ? `${text}\n… and ${more} more: postern check ${folder}\n` : text
}
