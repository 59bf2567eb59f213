import type { Reasons } from '../contract.js'

export const reasons = {
  exceeded: {
    code: 'concurrency.exceeded',
    status: 429,
    sentence: 'As many calls of this caller are under way as may be at once.',
  },
} as const satisfies Reasons
