import { parseDuration } from '../../values/duration.js'
import type { Scope, Section } from '../contract.js'
import { readClaimRules } from './claim-rules.js'
import type { Conditions, StepUp } from './settings.js'

/** Keys that say what a token must hold; they mean nothing beside an API key. */
export const conditionKeys = ['scopes', 'claims', 'roles', 'stepUp'] as const

/** The conditions beside a method that takes tokens. */
export function readConditions(section: Section, scope: Scope): Conditions {
  const claims = section.get('claims')
  reportAmbiguous(claims, scope)
  return {
    scopes: (section.get('scopes').value ?? []) as readonly string[], // by schema
    claims: readClaimRules(claims),
    roles: (section.get('roles').value ?? []) as readonly string[], // by schema
    stepUp: readStepUp(section.get('stepUp')),
  }
}

function readStepUp(section: Section): StepUp | null {
  if (section.value === undefined) return null
  const { acr, amr, maxAge } = section.value as {
    readonly acr?: readonly string[]
    readonly amr?: readonly string[]
    readonly maxAge?: string
  } // by schema
  return { acr: acr ?? null, amr: amr ?? [], maxAgeMs: maxAge === undefined ? null : parseDuration(maxAge) }
}

function reportAmbiguous(claims: Section, scope: Scope): void {
  for (const claim of Object.keys((claims.value ?? {}) as object)) {
    if (claim.startsWith('/') || !claim.includes('/')) continue
    // Dots would cut the name of a claim that is a URL into pieces, and the rule could never hold.
    scope.report({
      code: 'auth.claim-name-ambiguous',
      message: `The claim ${claim} has a name with slashes, which dots would cut into pieces.`,
      hint: `Write it as a JSON pointer: "/${claim.replaceAll('~', '~0').replaceAll('/', '~1')}".`,
      at: claims.get(claim).keyPlace,
    })
  }
}
