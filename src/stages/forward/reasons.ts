import type { Reasons } from '../contract.js'

export const reasons = {
  unreachable: { code: 'forward.unreachable', status: 502, sentence: 'The function could not be reached.' },
  badAnswer: { code: 'forward.bad-answer', status: 502, sentence: 'The function did not answer in valid HTTP.' },
  answerCut: { code: 'forward.answer-cut', status: 502, sentence: 'The function broke off its answer.' },
  timeout: { code: 'forward.timeout', status: 504, sentence: 'The function did not answer in time.' },
  atCapacity: {
    code: 'forward.at-capacity',
    status: 503,
    sentence: 'As many calls to the function are under way as it may have at once.',
  },
  breakerOpen: {
    code: 'forward.breaker-open',
    status: 503,
    sentence: 'Too many calls to the function failed, so none goes there for a moment.',
  },
  bodyTooLarge: {
    code: 'forward.body-too-large',
    status: 413,
    sentence: 'The body on its way to the function became larger than the route allows.',
  },
  credentialsUnavailable: {
    code: 'forward.credentials-unavailable',
    status: 503,
    sentence: 'The gateway has no credentials for the platform of the function.',
  },
  platformDenied: {
    code: 'forward.platform-denied',
    status: 502,
    sentence: 'The platform of the function refused the gateway itself.',
  },
  platformThrottled: {
    code: 'forward.platform-throttled',
    status: 503,
    sentence: 'The platform runs as many calls of the function as it grants.',
  },
  platformTooLarge: {
    code: 'forward.platform-too-large',
    status: 413,
    sentence: 'The platform of the function takes no request of this size.',
  },
  platformTimeout: {
    code: 'forward.platform-timeout',
    status: 504,
    sentence: 'The platform ended the function before it answered.',
  },
  aborted: { code: 'forward.aborted', status: 499, sentence: 'The caller went away before the function answered.' },
} as const satisfies Reasons
