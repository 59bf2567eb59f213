import type { Reasons } from '../contract.js'

/** draft-ietf-httpapi-ratelimit-headers-11, "Problem types". */
const quotaExceeded = 'https://iana.org/assignments/http-problem-types#quota-exceeded'

export const reasons = {
  exceeded: {
    code: 'rate-limit.exceeded',
    status: 429,
    type: quotaExceeded,
    sentence: 'A limit of the route is spent for now.',
  },
  storeUnavailable: {
    code: 'rate-limit.store-unavailable',
    status: 503,
    sentence: 'The store of the limits does not answer, and the policy lets nobody past it uncounted.',
  },
  addressExceeded: {
    code: 'rate-limit.address-exceeded',
    status: 429,
    type: quotaExceeded,
    sentence: 'The address has spent what the whole gateway allows one address for now.',
  },
  failedAuth: {
    code: 'rate-limit.failed-auth',
    status: 429,
    type: quotaExceeded,
    sentence: 'The address has shown too many refused credentials; it may not show further ones for now.',
  },
} as const satisfies Reasons
