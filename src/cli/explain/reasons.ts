import { reasons as gatewayReasons } from '../../gateway/reasons.js'
import { stages } from '../../stages/all.js'
import type { Reason } from '../../stages/contract.js'

/** A reason with the stage that may give it; null for the front door and the gateway itself. */
export interface KnownReason extends Reason {
  readonly stage: string | null
}

/** Every code that a request may be refused with, in this build. */
export function knownReasons(): readonly KnownReason[] {
  const own = Object.values<Reason>(gatewayReasons).map((reason) => ({ ...reason, stage: null }))
  const staged = Object.values(stages).flatMap((stage) => [
    ...Object.values(stage.reasons).map((reason) => ({ ...reason, stage: stage.name })),
    failed(stage.name),
  ])
  return [...own, ...staged]
}

/** The reason of an exact code; undefined for none. */
export function reasonOf(code: string): KnownReason | undefined {
  return knownReasons().find((reason) => reason.code === code)
}

function failed(stage: string): KnownReason {
  const word = stage.replace(/[A-Z]/g, (capital) => `-${capital.toLowerCase()}`)
  return {
    stage,
    code: `${word}.failed`,
    status: 503,
    sentence: 'The protection itself broke down, so nothing passes: a fault of Postern, or of what it leans on.',
  }
}
