import { Ajv } from 'ajv'
import t from 'tap'
import { policySchema } from '../../src/policy/schema.js'
import { stages } from '../../src/stages/all.js'

// What an editor shows comes from here alone: every promise is tested as a property of the schema, and a few by the real
// server (editor-server.test.ts). It reads draft-07, shows `description` on hover and `examples` on completion.
const schema = policySchema(stages) as { readonly [keyword: string]: unknown } // a map of keywords
const ajv = new Ajv({ strict: false, allowUnionTypes: true, validateFormats: false })

interface Visited {
  readonly path: string
  readonly schema: { readonly [keyword: string]: unknown }
}

/** Every schema in the document, with the way to it; properties of objects are marked by a dot. */
function* visit(node: unknown, path: string): Generator<Visited> {
  if (node === null || typeof node !== 'object' || Array.isArray(node)) return
  const keywords = node as { readonly [keyword: string]: unknown } // checked just now
  yield { path, schema: keywords }
  for (const [key, each] of Object.entries(Object(keywords['properties']))) yield* visit(each, `${path}.${key}`)
  for (const [key, each] of Object.entries(Object(keywords['definitions']))) yield* visit(each, `#${key}`)
  for (const keyword of ['anyOf', 'oneOf', 'allOf']) {
    const branches = keywords[keyword]
    if (Array.isArray(branches)) for (const [i, each] of branches.entries()) yield* visit(each, `${path}|${i}`)
  }
  yield* visit(keywords['additionalProperties'], `${path}.*`)
  yield* visit(keywords['items'], `${path}[]`)
}

/** What tells a writer enough without an example: a choice, a yes or no, a map whose keys have their own. */
function needsNoExample(each: Visited['schema']): boolean {
  const { enum: values, const: value, type, properties, additionalProperties, $ref } = each
  return (
    [values, value, properties, $ref].some((one) => one !== undefined) ||
    type === 'boolean' ||
    typeof additionalProperties === 'object'
  )
}

t.test('editors read it: draft-07, references inside it, no choice between shapes of one object', async (t) => {
  t.equal(schema['$schema'], 'http://json-schema.org/draft-07/schema#')
  t.ok(ajv.validateSchema(schema), ajv.errorsText(ajv.errors))
  for (const { path, schema: each } of visit(schema, '')) {
    t.notOk('oneOf' in each, `${path}: oneOf makes an editor pick a branch at random`)
    if (each['$ref'] !== undefined) t.match(each['$ref'], /^#\/definitions\/[a-zA-Z]+$/)
    const branches = Array.isArray(each['anyOf']) ? each['anyOf'] : []
    const objects = branches.filter((branch) => Object(branch)['type'] === 'object')
    const keys = objects.map((branch) => Object.keys(Object(Object(branch)['properties'])))
    const shared = keys.flatMap((mine, i) =>
      keys.slice(i + 1).flatMap((other) => mine.filter((key) => other.includes(key))),
    )
    t.same(shared, [], `${path}: keys tell the shapes of a union apart`)
  }
})

t.test('every key says what it means, with an example that fits', async (t) => {
  let keys = 0
  for (const { path, schema: each } of visit(schema, '')) {
    if (!path.includes('.') && !path.startsWith('#')) continue
    const isKey = /\.[^.|[\]]+$/.test(path)
    if (isKey && each['$ref'] === undefined) {
      t.match(each['description'], /\S{2}/, `${path} is described`)
      t.ok(path.endsWith('.*') || needsNoExample(each) || Array.isArray(each['examples']), `${path} has an example`)
      keys++
    }
    if (!Array.isArray(each['examples'])) continue
    const fits = ajv.compile({ ...each, definitions: schema['definitions'] })
    for (const example of each['examples']) {
      t.ok(fits(example), `${path}: ${JSON.stringify(example)} ${ajv.errorsText(fits.errors)}`)
    }
  }
  t.ok(keys > 200, `${keys} keys`)
})

t.test('a key that is misspelt anywhere is underlined', async (t) => {
  for (const { path, schema: each } of visit(schema, '')) {
    if (each['properties'] === undefined || path.includes('.request.')) continue
    t.ok('additionalProperties' in each, `${path} takes no unknown keys`)
  }
})
