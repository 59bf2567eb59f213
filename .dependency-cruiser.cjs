// Who may import whom, each rule with its reason (docs: README, "How it is built").
const only = (name, from, allowed, comment) => ({
  name,
  comment,
  severity: 'error',
  from: { path: from },
  to: { path: '^src/', pathNot: allowed },
})

const home = (name, packages, homes, comment) => ({
  name,
  comment,
  severity: 'error',
  from: { path: '^src/', pathNot: homes },
  to: { path: `^node_modules/(${packages})/` },
})

/** Files that are loaded with the first function on their cloud. */
const lazyClouds = '^src/state/credentials/(aws|google|azure|ask)\\.ts$|^src/stages/forward/platforms/aws-sigv4\\.ts$'

module.exports = {
  forbidden: [
    { name: 'no-cycles', comment: 'A cycle is one module in two files.', severity: 'error', from: {}, to: { circular: true } },
    only('values', '^src/values/', '^src/values/', 'Values are the ground everything stands on.'),
    only('plan', '^src/plan/', '^src/(plan|values)/', 'A plan is data: it knows neither text nor traffic.'),
    only('state', '^src/state/', '^src/(state|plan|values)/|^src/stages/contract\\.ts$', 'State outlives generations, so it knows none.'),
    only(
      'stages',
      '^src/stages/([^/]+)/',
      '^src/stages/$1/|^src/stages/[^/]+\\.ts$|^src/(plan|values)/',
      'A stage answers one question and knows no other stage.',
    ),
    only('stages-shared', '^src/stages/[^/]+\\.ts$', '^src/(stages|plan|values)/', 'What stages share knows what stages know.'),
    only('record', '^src/record/', '^src/(record|plan|values)/|^src/stages/contract\\.ts$', 'A record speaks of every stage and needs none.'),
    only('policy', '^src/policy/', '^src/(policy|stages|plan|values)/', 'Policy text never sees the framework.'),
    only('gateway', '^src/gateway/', '^src/(gateway|plan|stages|state|record|values)/', 'The gateway never sees YAML.'),
    only('console', '^src/console/', '^src/(console|record|values)/', 'The console reads records and nothing else.'),
    home('fastify-home', 'fastify|@fastify/[^/]+', '^src/(gateway|console)/', 'The framework has one home.'),
    home('yaml-home', 'js-yaml', '^src/policy/', 'YAML has one home.'),
    home('undici-home', 'undici', '^src/(gateway/tools|state)/', 'The network has one home.'),
    home('redis-home', 'ioredis', '^src/state/store/redis-link\\.ts$', 'The shared store has one client, which only a policy with a store loads.'),
    home('oauth-home', 'oauth4webapi', '^src/state/introspection-request\\.ts$', 'Questions to issuers have one home.'),
    home('aws-chain-home', '@aws-sdk/[^/]+', '^src/state/credentials/aws\\.ts$', 'The AWS chain has one home, loaded when a function is on AWS.'),
    {
      name: 'clouds-are-lazy',
      comment: 'A gateway whose functions are on no cloud loads nothing of any: neither memory nor start-up.',
      severity: 'error',
      from: { path: '^src/', pathNot: lazyClouds },
      to: { path: `^node_modules/@(aws-sdk|smithy)/|${lazyClouds}`, dynamic: false, dependencyTypesNot: ['type-only'] },
    },
    home('aws-signature-home', '@smithy/[^/]+', '^src/stages/forward/platforms/aws-sigv4\\.ts$', 'Signatures have one home, loaded with the first of them.'),
    home('ajv-home', 'ajv|ajv-formats', '^src/policy/|^src/stages/json-schema\\.ts$', 'Schemas are compiled in two places only.'),
  ],
  options: {
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'require', 'node', 'default'] },
  },
}
