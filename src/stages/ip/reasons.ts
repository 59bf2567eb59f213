import type { Reasons } from '../contract.js'

export const reasons = {
  denied: {
    code: 'ip.denied',
    status: 403,
    sentence: 'The address of the caller may not use this route.',
  },
} as const satisfies Reasons
