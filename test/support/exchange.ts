import type { Exchange } from '../../src/stages/contract.js'

const place = { file: 'test.yaml', line: 1, column: 1 }

/**
 * An exchange as the gateway would make it, for tests of single stages: `GET /` without a body from 192.0.2.1, but for
 * what the test says. `headers` are given flat, as received; the joined map is made from them.
 */
export function makeExchange(
  changed: Partial<Omit<Exchange, 'headers' | 'rawHeaders'>> & { readonly headers?: readonly string[] } = {},
): Exchange & { readonly releases: ((reached: boolean) => void)[] } {
  const { headers: rawHeaders = [], ...rest } = changed
  const headers: Record<string, string> = {}
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = (rawHeaders[i] ?? '').toLowerCase()
    const value = rawHeaders[i + 1] ?? ''
    headers[name] = headers[name] === undefined ? value : `${headers[name]}, ${value}`
  }
  const releases: ((reached: boolean) => void)[] = []
  return {
    id: 'test',
    at: 1_800_000_000_000,
    method: 'GET',
    path: '/',
    query: '',
    scheme: 'http',
    host: 'gateway.test',
    httpVersion: '1.1',
    rawHeaders,
    headers,
    address: '192.0.2.1',
    peer: '192.0.2.1',
    peerCertificate: () => null,
    route: {
      id: 'GET /',
      match: { method: 'GET', segments: [] },
      body: 'streamed',
      steps: [],
      upstream: 'fn',
      declaredAt: place,
    },
    params: {},
    identity: null,
    hasBody: false,
    body: null,
    content: null,
    parsedQuery: null,
    granted: null,
    answer: null,
    answerHeaders: [],
    whenDone: (release) => releases.push(release),
    releases,
    ...rest,
  }
}
