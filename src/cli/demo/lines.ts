/** A line to paste into a shell, and what to expect of it. */
export interface DemoLine {
  /** The status that the answer will have (the last of many requests); null for a line that prepares others. */
  readonly status: number | null
  /** The route that it shows; null where it needs none. */
  readonly route: string | null
  readonly says: string
  readonly line: string
}

/** What the lines need to know of the running demo. */
export interface DemoFacts {
  readonly gateway: string
  readonly partnerKey: string
  /** How to call the command line: `node dist/cli/main.js`. */
  readonly calledAs: string
  /** Our issuer, where it must be named because another demo is running as well. */
  readonly issuer: string | null
}

/** The example policies, shown by requests: each protection once, beside its harmless twin. */
export function demoLines({ gateway, partnerKey, calledAs, issuer }: DemoFacts): readonly DemoLine[] {
  const issuerFlag = issuer === null ? '' : ` --issuer ${issuer}`
  const json = "-H 'content-type: application/json'"
  const order = (body: string, token?: string): string =>
    `curl -i ${gateway}/orders ${json}${token === undefined ? '' : ` -H "Authorization: Bearer $${token}"`} -d '${body}'`
  const token = (scope: string): string => `$(${calledAs} keys jwt${issuerFlag} --scope ${scope})`
  const good = '{"sku":"milk-jug","quantity":2}'
  return [
    { status: 200, route: 'GET /products', says: 'the public catalogue', line: `curl -i ${gateway}/products` },
    {
      status: null,
      route: 'POST /orders',
      says: 'tokens, for the lines below',
      line: `WRITER=${token('orders:write')} READER=${token('orders:read')}`,
    },
    { status: 201, route: 'POST /orders', says: 'an order, with a token', line: order(good, 'WRITER') },
    { status: 401, route: 'POST /orders', says: 'without one', line: order(good) },
    { status: 403, route: 'POST /orders', says: 'with the wrong scope', line: order(good, 'READER') },
    {
      status: 400,
      route: 'POST /orders',
      says: 'a body that breaks its schema: the answer names body:/quantity',
      line: order('{"sku":"milk-jug","quantity":0}', 'WRITER'),
    },
    {
      status: 403,
      route: 'POST /orders',
      says: 'SQL in a field that is free text',
      line: order('{"sku":"milk-jug","quantity":2,"note":"x\\u0027 OR 1=1 --"}', 'WRITER'),
    },
    {
      status: 403,
      route: 'GET /search',
      says: 'and in a query',
      line: `curl -i '${gateway}/search?q=1%27%20OR%201=1--'`,
    },
    {
      status: 200,
      route: 'GET /v1/stock/{sku}',
      says: 'a partner, with the key made for this run',
      line: `curl -i ${gateway}/v1/stock/milk-jug -H 'X-Api-Key: ${partnerKey}'`,
    },
    { status: 404, route: null, says: 'what no route names', line: `curl -i ${gateway}/admin` },
    {
      status: 429,
      route: 'GET /search',
      says: 'one route, hammered: 200, and then',
      line: `for i in $(seq 25); do curl -s -o /dev/null -w '%{http_code} ' '${gateway}/search?q=cup'; done; echo`,
    },
  ]
}
