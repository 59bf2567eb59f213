import type { Reasons } from '../contract.js'

export const reasons = {
  unreachable: { code: 'forward.unreachable', status: 502, sentence: 'The function could not be reached.' },
  badAnswer: { code: 'forward.bad-answer', status: 502, sentence: 'The function did not answer in valid HTTP.' },
  answerCut: { code: 'forward.answer-cut', status: 502, sentence: 'The function broke off its answer.' },
  timeout: { code: 'forward.timeout', status: 504, sentence: 'The function did not answer in time.' },
  aborted: { code: 'forward.aborted', status: 499, sentence: 'The caller went away before the function answered.' },
} as const satisfies Reasons
