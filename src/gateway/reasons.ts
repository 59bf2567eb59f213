import type { Reasons } from '../stages/contract.js'

/** What the front door and the route table refuse, before any stage is asked. */
export const reasons = {
  malformed: { code: 'wire.malformed', status: 400, sentence: 'The request is not valid HTTP.' },
  version: { code: 'wire.version', status: 505, sentence: 'Only HTTP/1.0 and HTTP/1.1 are spoken here.' },
  target: {
    code: 'wire.target-ambiguous',
    status: 400,
    sentence: 'The request target could be read in more than one way.',
  },
  targetTooLong: { code: 'wire.target-too-long', status: 414, sentence: 'The request target is too long.' },
  host: { code: 'wire.host-invalid', status: 400, sentence: 'The request needs exactly one valid Host header.' },
  headersTooLarge: { code: 'wire.headers-too-large', status: 431, sentence: 'The header block is too large.' },
  headerRepeated: {
    code: 'wire.header-repeated',
    status: 400,
    sentence: 'A header that may stand once was sent more than once.',
  },
  framing: {
    code: 'wire.framing',
    status: 400,
    sentence: 'The length of the body is stated in a way that could be read in two ways.',
  },
  method: { code: 'wire.method', status: 405, sentence: 'This method is not offered by this gateway.' },
  upgrade: { code: 'wire.upgrade', status: 400, sentence: 'Upgrades to another protocol are not offered.' },
  expectation: { code: 'wire.expectation', status: 417, sentence: 'Only the expectation 100-continue is known.' },
  timeout: { code: 'wire.timeout', status: 408, sentence: 'The request did not arrive in time.' },
  bodyCut: { code: 'wire.body-cut', status: 400, sentence: 'The body ended before its announced length.' },
  tooManyConnections: {
    code: 'gateway.connections-exceeded',
    status: 503,
    sentence: 'Too many connections are open.',
  },
  overloaded: { code: 'gateway.overloaded', status: 503, sentence: 'The gateway is at its limit; try again shortly.' },
  failed: { code: 'gateway.failed', status: 503, sentence: 'The gateway could not judge the request.' },
  notFound: { code: 'route.not-found', status: 404, sentence: 'No route has this path.' },
  methodNotAllowed: {
    code: 'route.method-not-allowed',
    status: 405,
    sentence: 'The path exists, but not with this method.',
  },
} as const satisfies Reasons
