import { type MapNode, mapNode } from './node.js'
import { parseYaml } from './parse.js'
import { Source } from './source.js'

/** The weakest layer of every policy, written as the policy that it is. Its places print as `(built-in):3:5`. */
const text = `request:
  maxBytes: 256KiB
  structure:
    depth: 20
    keys: 2000
inspect:
  profile: api
  mode: enforce
timeout:
  connect: 2s
  headers: 10s
  idle: 10s
  total: 10s
response:
  errors: mask
  headers:
    security: strict
    remove: [server, x-powered-by]
`

/** The built-in values, as far as this build has the stages that read them. */
export function builtInDefaults(knows: (key: string) => boolean): MapNode {
  const source = new Source('(built-in)', text)
  const node = parseYaml(source, ({ message }) => {
    throw new Error(`the built-in policy is broken: ${message}`)
  })
  if (node?.kind !== 'map') throw new Error('the built-in policy is no map')
  const entries = node.entries.list.filter(({ key }) => knows(key))
  return mapNode(source, node.start, node.end, entries)
}
