import type { Command } from './command.js'
import { shapes, shapeWords } from './loadtest/shapes.js'

export const command: Command = {
  usage: 'loadtest [ROUTE] [--all] [--shape SHAPE] [--for DURATION] [--offered 4x]',
  says: [
    'Proves the rate limits of a route: sends calls at exact times, more than the limit allows, and compares each answer',
    'with an exact limiter. What it calls too many or too few is proven by the times at which calls were sent and',
    'answered; a slow machine makes a test inconclusive, never a limit wrong.',
    '',
    'It starts a gateway of its own on the policies, with functions that are none and credentials made for the test:',
    'nothing else is called. --target asks a running gateway instead, whose real functions then answer.',
    '',
    'Shapes of the load:',
    ...shapes.map((shape) => `  ${shape.padEnd(8)}${shapeWords[shape]}`),
    '',
    'Exit code 0: it holds. 1: it is violated. 2: nothing was proven, and why.',
  ],
  flags: {
    policies: { type: 'string', short: 'p', value: 'FOLDER', says: 'the policy folder; default policies' },
    all: { type: 'boolean', says: 'every limit of every route' },
    limit: { type: 'string', value: 'NAME', says: 'one limit of the route; default each in turn' },
    shape: { type: 'string', value: 'SHAPE', says: `${shapes.join(', ')}; default steady` },
    for: { type: 'string', value: 'DURATION', says: 'how long; default long enough to see a window pass' },
    offered: { type: 'string', value: 'TIMES', says: 'how many times what is allowed; default 4x' },
    callers: { type: 'string', value: 'N', says: 'quiet callers beside the loud one; default 2' },
    tier: { type: 'string', value: 'NAME', says: 'the tier of the callers' },
    gateways: {
      type: 'string',
      value: 'N',
      says: 'so many gateways, asked in turn: one limit over all with a shared store',
    },
    send: { type: 'string', value: 'PATH', says: 'path and query of the calls' },
    body: { type: 'string', value: 'FILE', says: 'their body' },
    header: { type: 'string', multiple: true, value: 'NAME: VALUE', says: 'a header of theirs' },
    target: {
      type: 'string',
      multiple: true,
      value: 'URL',
      says: 'a running gateway, on this machine; several are asked in turn',
    },
    'i-own-this': { type: 'boolean', says: 'the target is mine, and not on this machine' },
    'callers-file': {
      type: 'string',
      value: 'FILE',
      says: 'for --target: a JSON list of {"name", "headers"}, the first is loud',
    },
    json: { type: 'boolean', says: 'print JSON' },
    html: { type: 'string', value: 'FILE', says: 'write a page with plots as well' },
  },
  arguments: { least: 0, most: 2 },
  examples: [
    { line: "postern loadtest 'POST /orders'", does: 'each limit of the route in turn' },
    { line: "postern loadtest 'POST /orders' --limit per-client --shape edge", does: 'around the edge of a window' },
    { line: 'postern loadtest --all --html limits.html', does: 'all limits, with a page to show' },
    { line: "postern loadtest 'GET /items' --gateways 3", does: 'three replicas' },
  ],
  run: async (given, terminal) => {
    const { readWish } = await import('./loadtest/wish.js')
    const { testLimits } = await import('./loadtest/run.js')
    return await testLimits(readWish(given, terminal.cwd), terminal)
  },
}
