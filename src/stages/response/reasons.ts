import type { Reasons } from '../contract.js'

export const reasons = {
  masked: {
    code: 'response.masked',
    status: 502,
    sentence: 'The function answered with an error; its text is kept from the caller.',
  },
} as const satisfies Reasons
