import type { Reasons } from '../contract.js'

export const reasons = {
  originDenied: {
    code: 'cors.origin-denied',
    status: 403,
    sentence: 'Pages of this origin may not call the route.',
  },
  methodDenied: {
    code: 'cors.method-denied',
    status: 403,
    sentence: 'Pages of other origins may not use this method here.',
  },
  headerDenied: {
    code: 'cors.header-denied',
    status: 403,
    sentence: 'Pages of other origins may not send one of these headers here.',
  },
} as const satisfies Reasons
