import t from 'tap'
import { readDocument } from '../../src/stages/inspect/graphql/document.js'
import { inspectStage, json } from '../support/inspect-stage.js'

const nested = (depth: number): string => `${'{ a '.repeat(depth)}${'}'.repeat(depth)}`

t.test('a document is measured with its fragments in place', async (t) => {
  const rows: readonly [string, Partial<Record<'depth' | 'fields' | 'aliases' | 'directives', number>>][] = [
    ['{ a }', { depth: 1, fields: 1, aliases: 0 }],
    ['query Q($a: In = {b: [1, "x"]}) { a(in: {c: {d: 1}}) { b } }', { depth: 2, fields: 2 }],
    ['{ x: a y: a z: b { w: c } }', { depth: 2, fields: 4, aliases: 4 }],
    ['{ a { ... on T { b { ... { c } } } } }', { depth: 3, fields: 3 }],
    ['{ a { ...F } b { ...F } } fragment F on T { c { d } }', { depth: 3, fields: 6 }],
    ['query A { a } query B { a { b { c } } }', { depth: 3 }],
    ['{ a @include(if: true) @skip(if: $x) { b } }', { directives: 2 }],
    ['# { { {\n{ a(text: """ } } "q" \\""" } """) }', { depth: 1, fields: 1 }],
    ['mutation($i: I!) @d { create(in: $i) { id } }', { depth: 2, directives: 1 }],
    ['subscription { a, b, c }', { fields: 3 }],
  ]
  for (const [document, shape] of rows) t.match(readDocument(document), shape, document)
})

t.test('what is no document of operations is said to be none', async (t) => {
  for (const text of [
    '',
    '{',
    '{ a',
    '{ a } }',
    'type A { b: C }',
    '{ a(b: ) { ',
    '{ a: }',
    '{ "a" }',
    'query',
    '{ ... on }',
    '{ a ✗ }',
  ]) {
    t.equal(readDocument(text), 'unreadable document', JSON.stringify(text))
  }
  t.equal(readDocument('{ ...A } fragment A on T { ...B } fragment B on T { ...A }'), 'fragment that spreads itself')
})

t.test('a fragment that doubles another, over and over, is counted and not unfolded', async (t) => {
  let bomb = '{ ...F60 } fragment F0 on T { a }'
  for (let i = 1; i <= 60; i++) bomb += ` fragment F${i} on T { ...F${i - 1} ...F${i - 1} }`
  const shape = readDocument(bomb)
  t.equal(typeof shape === 'string' ? shape : shape.fields, 2 ** 60)
})

t.test('a request that asks for too much is stopped, and its nearest twin passes', async (t) => {
  const { judge } = inspectStage('inspect: { graphql: { depth: 5, aliases: 3, fields: 20, directives: 2, batch: 2 } }')
  const rows: readonly [string, unknown, unknown][] = [
    ['too deep', { query: nested(6) }, { query: nested(5) }],
    ['too many aliases', { query: '{ a: x b: x c: x d: x }' }, { query: '{ a: x b: x c: x }' }],
    ['too many fields', { query: `{ ${'a '.repeat(21)} }` }, { query: `{ ${'a '.repeat(20)} }` }],
    ['too many directives', { query: '{ a @x @y @z }' }, { query: '{ a @x @y }' }],
    ['introspection', { query: '{ __schema { types { name } } }' }, { query: '{ __typename }' }],
    ['unreadable document', { query: '{ a' }, { query: '{ a }' }],
    [
      'too many operations',
      [{ query: '{a}' }, { query: '{b}' }, { query: '{c}' }],
      [{ query: '{a}' }, { query: '{b}' }],
    ],
  ]
  for (const [technique, hostile, twin] of rows) {
    const denial = judge(json(hostile))
    t.equal(denial?.reason.code, 'inspect.graphql', technique)
    t.equal(denial?.evidence['technique'], technique)
    t.match(denial?.evidence['exception'], /rule: graphql, at: "body:/)
    t.equal(judge(json(twin)), null, `${technique}: its twin`)
  }
  t.equal(
    judge({ query: `query=${encodeURIComponent(nested(9))}` })?.reason.code,
    'inspect.graphql',
    'in the query too',
  )
  t.equal(
    judge({ content: { kind: 'text', text: nested(9) } })?.reason.code,
    'inspect.graphql',
    'and as the whole body',
  )
  t.equal(judge(json({ extensions: { persistedQuery: { version: 1 } } })), null, 'a stored query has no text')
})

t.test('texts inside a document are values; the document itself is none', async (t) => {
  const { judge } = inspectStage('inspect: { graphql: {} }')
  t.equal(judge(json({ query: "{ user(name: \"x' OR 'a'='a\") { id } }" }))?.reason.code, 'inspect.sqli')
  t.equal(judge(json({ query: '{ a(text: """<script>alert(1)</script>""") }' }))?.reason.code, 'inspect.xss')
  t.equal(judge(json({ query: '{ user(name: "O\'Brien") { id } } # select from union where' })), null)
  t.equal(judge(json({ query: '{ a }', variables: { q: "x' OR 'a'='a" } }))?.reason.code, 'inspect.sqli')
})

t.test('introspection is open where the policy says so, and any other route knows no GraphQL', async (t) => {
  const schema = json({ query: '{ __schema { types { name } } }' })
  t.equal(inspectStage('inspect: { graphql: { introspection: allow } }').judge(schema), null)
  t.equal(inspectStage('{}').judge(schema), null)
  t.equal(inspectStage('inspect: { graphql: off }').judge(schema), null)
  t.equal(inspectStage('inspect: { graphql: {}, detectors: { graphql: off } }').judge(schema), null)
})

t.test('a megabyte of brackets is read in one pass', async (t) => {
  for (const text of [
    '{'.repeat(1e6),
    '{a'.repeat(5e5),
    '('.repeat(1e6),
    '{a('.repeat(3e5),
    '"'.repeat(1e6),
    '...'.repeat(3e5),
  ]) {
    t.equal(readDocument(text), 'unreadable document')
  }
})
