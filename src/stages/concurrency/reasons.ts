import type { Reasons } from '../contract.js'

export const reasons = {
  exceeded: {
    code: 'concurrency.exceeded',
    status: 429,
    sentence: 'As many calls of this caller are under way as may be at once.',
  },
  queueFull: {
    code: 'concurrency.queue-full',
    status: 503,
    sentence: 'As many calls of this caller are under way as may be at once, and as many wait as may.',
  },
  queueTimeout: {
    code: 'concurrency.queue-timeout',
    status: 503,
    sentence: 'No place became free in the time that a call may wait for one.',
  },
} as const satisfies Reasons
