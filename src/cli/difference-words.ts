import type { Change, Fact, ThingDifference } from '../plan/difference.js'
import { struck } from '../policy/audit/audit.js'
import { formatByteSize } from '../values/byte-size.js'
import { formatDuration } from '../values/duration.js'

/** One change in words: `rateLimit.per-client 10/1m → 20/1m`, `auth.scopes lost orders:write`. */
export function changeInWords({ setting, before, after }: Change): string {
  if (setting === 'auth.open')
    return after === true ? 'auth is gone: everyone may call' : 'auth asks for credentials now'
  if (setting.endsWith('.present')) {
    return `${setting.slice(0, -'.present'.length)} is ${after === undefined ? 'gone' : 'new'}`
  }
  if (setting.endsWith(' schema')) return `${setting} is ${after === undefined ? 'gone' : 'new'}`
  const name = setting.replace(/\.rate$/, '').replace(/(Ms|Bytes)$/, (unit) => (unit === 'Ms' ? '' : unit))
  if (Array.isArray(before) && Array.isArray(after)) {
    const lost = before.filter((item) => !after.includes(item))
    const gained = after.filter((item) => !before.includes(item))
    const parts = [
      ...(lost.length > 0 ? [`lost ${listed(lost)}`] : []),
      ...(gained.length > 0 ? [`gained ${listed(gained)}`] : []),
    ]
    return `${name} ${parts.join(', ') || 'is in another order'}`
  }
  return `${name} ${valueInWords(setting, before)} → ${valueInWords(setting, after)}`
}

function valueInWords(setting: string, fact: Fact | undefined): string {
  if (fact === undefined) return 'nothing'
  if (fact === null) return 'no bound'
  if (typeof fact === 'number') {
    if (/(expiresAt|until)$/.test(setting)) return `until ${new Date(fact - 1).toISOString().slice(0, 10)}`
    if (setting.endsWith('Ms')) return formatDuration(fact)
    return setting.endsWith('Bytes') ? formatByteSize(fact) : String(fact)
  }
  if (typeof fact === 'boolean') return fact ? 'yes' : 'no'
  if (typeof fact === 'string') return fact === '' ? '""' : shortened(fact)
  if ('quota' in fact) return `${fact.quota}/${formatDuration(fact.windowMs)}`
  return fact.length === 0 ? 'none' : listed(fact)
}

/** Without what looks like a credential, and short enough to read. */
function shortened(text: string): string {
  const safe = struck(text)
  return safe.length > 80 ? `${safe.slice(0, 79)}…` : safe
}

function listed(items: readonly string[]): string {
  const shown = items.slice(0, 6).map(shortened).join(', ')
  return items.length > 6 ? `${shown} and ${items.length - 6} more` : shown
}

/** A thing that came or went, in words. */
export function thingInWords({ kind, change, direction, beside }: ThingDifference): string {
  if (beside !== undefined) {
    return change === 'added' ? `new; ${beside} took its requests before` : `gone; ${beside} takes its requests now`
  }
  if (kind === 'route' && change === 'added' && direction === 'weaker') return 'new, and open to everyone'
  return change === 'added' ? 'new' : 'gone'
}
