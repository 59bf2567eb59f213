import type { Reasons } from '../contract.js'

export const reasons = {
  masked: {
    code: 'response.masked',
    status: 502,
    sentence: 'The function answered with an error; its text is kept from the caller.',
  },
  schema: {
    code: 'response.schema',
    status: 502,
    sentence: 'The answer of the function does not fit its schema.',
  },
  unreadable: {
    code: 'response.unreadable',
    status: 502,
    sentence: 'The answer of the function cannot be read, so the fields that must not leave cannot be taken out.',
  },
  headersExceeded: {
    code: 'response.headers-exceeded',
    status: 502,
    sentence: 'The answer of the function has too many headers.',
  },
} as const satisfies Reasons
