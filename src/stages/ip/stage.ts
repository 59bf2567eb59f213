import { cidrMatcher, parseCidr } from '../../values/cidr.js'
import { allow, type Check, deny, type Scope, type Section, type Stage } from '../contract.js'
import { reasons } from './reasons.js'
import { keys } from './schema.js'

export interface IpSettings {
  /** Null: every address that is not denied. */
  readonly allow: readonly string[] | null
  readonly deny: readonly string[]
}

/** Is this address welcome? Never in report mode. */
export const ip: Stage<IpSettings> = {
  name: 'ip',
  keys,
  reasons,

  resolve(policy, scope) {
    const section = policy.get('ip')
    const { value } = section
    if (value === null || typeof value !== 'object') return []
    const allowed = readBlocks(section.get('allow'), scope)
    const denied = readBlocks(section.get('deny'), scope)
    return [
      { slot: 'ip', mode: 'enforce', settings: { allow: allowed, deny: denied ?? [] }, declaredAt: section.keyPlace },
    ]
  },

  compile({ allow: allowed, deny: denied }): Check {
    const isDenied = cidrMatcher(denied)
    const isAllowed = allowed === null ? () => true : cidrMatcher(allowed)
    const byDeny = deny(reasons.denied, { list: 'deny' })
    const byAllow = deny(reasons.denied, { list: 'allow' })
    return ({ address }) => {
      if (isDenied(address)) return byDeny
      return isAllowed(address) ? allow : byAllow
    }
  },
}

/** The blocks of a list that can be read; the others are reported. Null where no list stands. */
function readBlocks(section: Section, scope: Scope): readonly string[] | null {
  if (!Array.isArray(section.value)) return null
  return section.value.flatMap((block: unknown, i) => {
    const text = String(block)
    if (parseCidr(text) !== null) return [text]
    scope.report({
      code: 'ip.block-unreadable',
      message: `"${text}" is no address and no CIDR block.`,
      hint: 'For example 203.0.113.7, 10.0.0.0/8 or 2001:db8::/32.',
      at: section.get(i).place,
    })
    return []
  })
}
