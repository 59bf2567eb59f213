import type { Phase, Slot, StageName } from '../plan/plan.js'

/**
 * The order of controls: this array, and nothing else. Cheap and certain before dear and doubtful; nothing is buffered
 * for a caller who may not call; what is inspected is what is forwarded.
 */
export const order: readonly { readonly slot: Slot; readonly phase: Phase; readonly stage: StageName }[] = [
  { slot: 'cors', phase: 'head', stage: 'cors' },
  { slot: 'ip', phase: 'head', stage: 'ip' },
  { slot: 'rateLimit:address', phase: 'head', stage: 'rateLimit' },
  { slot: 'auth', phase: 'head', stage: 'auth' },
  { slot: 'rateLimit:client', phase: 'head', stage: 'rateLimit' },
  { slot: 'concurrency', phase: 'head', stage: 'concurrency' },
  { slot: 'auth:signature', phase: 'body', stage: 'auth' },
  { slot: 'request', phase: 'body', stage: 'request' },
  { slot: 'inspect', phase: 'body', stage: 'inspect' },
  { slot: 'replay', phase: 'body', stage: 'replay' },
  { slot: 'forward', phase: 'upstream', stage: 'forward' },
  { slot: 'response', phase: 'response', stage: 'response' },
]
