import type { IncomingMessage, ServerResponse } from 'node:http'

interface Product {
  readonly id: string
  readonly name: string
  readonly price: number
  readonly inStock: number
}

/** What the shop sells. */
const products: readonly Product[] = [
  { id: 'espresso-cup', name: 'Espresso cup', price: 9.5, inStock: 120 },
  { id: 'milk-jug', name: 'Milk jug', price: 19.99, inStock: 14 },
  { id: 'coffee-beans', name: 'Coffee beans, 1 kg', price: 24, inStock: 310 },
  { id: 'hand-grinder', name: 'Hand grinder', price: 64.9, inStock: 3 },
]

/** Bodies above this are cut off: the gateway's own cap is lower, so this only guards the demo itself. */
const maxBytes = 1024 * 1024

/**
 * The small shop behind the gateway: one HTTP function that answers catalogue, orders and stock. Every answer repeats
 * what arrived, so that one sees what a function behind Postern gets to see: no token, no key, but `x-user-id`.
 */
export function shop(request: IncomingMessage, response: ServerResponse): void {
  const pieces: Buffer[] = []
  let bytes = 0
  request.on('data', (piece: Buffer) => {
    bytes += piece.length
    if (bytes > maxBytes) request.destroy()
    else pieces.push(piece)
  })
  request.on('end', () => {
    const [status, said] = answer(request, Buffer.concat(pieces).toString('utf8'))
    const text = JSON.stringify({ ...said, received: received(request, bytes) }, null, 2)
    // Both headers are what careless functions send: the gateway takes them away.
    response.writeHead(status, { 'content-type': 'application/json', server: 'demo/1.0', 'x-powered-by': 'coffee' })
    response.end(`${text}\n`)
  })
  request.on('error', () => response.destroy())
}

type Answer = readonly [status: number, body: Readonly<Record<string, unknown>>]

function answer(request: IncomingMessage, body: string): Answer {
  const url = new URL(request.url ?? '/', 'http://shop')
  const [first = '', second, third] = url.pathname.split('/').filter((segment) => segment !== '')
  if (first === 'products') return second === undefined ? [200, { products }] : product(second)
  if (first === 'search') return search(url.searchParams.get('q') ?? '')
  if (first === 'orders') return request.method === 'POST' ? newOrder(request, body) : order(request, second ?? '')
  if (first === 'v1' && second === 'stock') return stock(third ?? '')
  return [200, {}]
}

function product(id: string): Answer {
  const found = products.find((one) => one.id === id)
  return found === undefined ? [404, { error: 'no such product' }] : [200, { product: found }]
}

function search(words: string): Answer {
  const wanted = words.toLowerCase()
  return [200, { products: products.filter(({ name }) => name.toLowerCase().includes(wanted)) }]
}

function stock(id: string): Answer {
  const found = products.find((one) => one.id === id)
  return found === undefined ? [404, { error: 'no such product' }] : [200, { sku: id, inStock: found.inStock }]
}

function newOrder(request: IncomingMessage, body: string): Answer {
  // The gateway has checked the body against the route's schema, so here it can simply be read.
  const asked: unknown = JSON.parse(body)
  const customer = request.headers['x-user-id'] ?? 'unknown'
  return [201, { order: { id: `o-${Date.now().toString(36)}`, customer, status: 'accepted', ...Object(asked) } }]
}

function order(request: IncomingMessage, id: string): Answer {
  return [200, { order: { id, customer: request.headers['x-user-id'] ?? 'unknown', status: 'shipped' } }]
}

function received(request: IncomingMessage, bytes: number): Readonly<Record<string, unknown>> {
  const headers = Object.fromEntries(Object.entries(request.headers).sort(([a], [b]) => (a < b ? -1 : 1)))
  return { method: request.method, target: request.url, headers, bodyBytes: bytes }
}
