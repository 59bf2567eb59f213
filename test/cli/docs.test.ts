import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { loadPolicy } from '../../src/policy/load.js'
import { stages } from '../../src/stages/all.js'
import { makeCertificate } from '../support/certificates.js'
import { postern } from './command-line.js'

/** Pages for people, and the folders they talk about. */
const pages = [
  'README.md',
  ...readdirSync('docs', { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('docs', name)),
]

/** Files that examples name. */
const named = {
  schemas: { 'create-order.json': readFileSync('policies/schemas/create-order.json', 'utf8') },
  'clients.pem': makeCertificate({ name: 'clients', isAuthority: true }).cert,
}

/** The files of an example: one, or several below lines with their names. */
function filesOf(yaml: string, name: string): Record<string, string> {
  const [whole = '', ...parts] = yaml.split(/^# (\w+\.yaml)$/m)
  const files: Record<string, string> = parts.length === 0 ? { [name]: whole } : {}
  for (let i = 0; i < parts.length; i += 2) files[parts[i] ?? ''] = parts[i + 1] ?? ''
  return files
}

t.test('every policy shown in the documents is accepted', async (t) => {
  let blocks = 0
  for (const page of pages) {
    const text = readFileSync(page, 'utf8')
    for (const [index, [, yaml = '']] of [...text.matchAll(/^```yaml\n([\s\S]*?)^```$/gm)].entries()) {
      if (!/^routes:/m.test(yaml)) continue
      const folder = t.testdir({ ...named, ...filesOf(yaml, 'shown.yaml') })
      const { plan, problems } = await loadPolicy(folder, { standInSecrets: true })
      t.ok(plan !== null, `${page}, block ${index + 1}: ${problems.map(({ message }) => message).join(' ')}`)
      blocks++
    }
  }
  t.ok(blocks >= 3, `${blocks} blocks were checked`)
})

t.test('token, scope, schema, tier and SigV4 are a policy of sixteen lines at most', async (t) => {
  const readme = readFileSync('README.md', 'utf8')
  const [, yaml = ''] = /^```yaml\n(issuers:[\s\S]*?)^```$/m.exec(readme) ?? []
  const lines = yaml.trimEnd().split('\n')
  t.ok(lines.length <= 16, `${lines.length} lines, blank ones included`)
  t.ok(Math.max(...lines.map((line) => line.length)) <= 120, 'none of them longer than a screen is wide')

  const schemas = { 'create-order.json': readFileSync('policies/schemas/create-order.json', 'utf8') }
  const { plan } = await loadPolicy(t.testdir({ schemas, 'shop.yaml': yaml }))
  const [route] = plan?.routes ?? []
  const settings = (stage: string) => route?.steps.filter((step) => step.stage === stage).map((step) => step.settings)
  t.match(settings('auth'), [{ method: 'jwt', issuer: 'main', scopes: ['orders:write'] }])
  t.match(settings('request'), [{ bodySchema: /^[0-9a-f]{64}$/ }])
  t.match(settings('rateLimit'), [
    {
      limits: [
        {
          tiers: {
            quotas: [
              ['free', 10],
              ['pro', 100],
            ],
          },
        },
      ],
    },
  ])
  t.match(plan?.upstreams, { 'orders-fn': { auth: { kind: 'aws-sigv4', region: 'eu-west-1', service: 'lambda' } } })
})

/** Declares every secret that a text names; there is always a PATH to read. */
function secretsOf(yaml: string): string {
  const names = new Set([...yaml.matchAll(/\$\{secret:([A-Za-z0-9_-]+)\}/g)].map(([, name]) => name))
  return `secrets: { ${[...names].map((name) => `${name}: { env: PATH }`).join(', ')} }\n`
}

/** What an excerpt of a policy may leave to the reader: things that another file declares. */
const elsewhere: readonly string[] = ['route.upstream-unknown', 'auth.issuer-unknown', 'auth.client-unknown']
const stagePages = readdirSync('src/stages', { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => ({ stage: name, page: join('src/stages', name, 'README.md') }))

t.test('every example of a stage is accepted, but for names that it leaves to other files', async (t) => {
  for (const { page } of stagePages) {
    const blocks = [...readFileSync(page, 'utf8').matchAll(/^```yaml\n([\s\S]*?)^```$/gm)]
    t.ok(blocks.length > 0, `${page} has an example`)
    for (const [index, [, yaml = '']] of blocks.entries()) {
      const isRoutes = /^routes:/m.test(yaml)
      const stub =
        'upstreams: { fn: { url: "http://127.0.0.1:9" } }\nroutes: { GET /: { upstream: fn, auth: none, reason: stub } }\n'
      const files = isRoutes
        ? { 'gateway.yaml': secretsOf(yaml), ...filesOf(yaml, 'shown.yaml') }
        : { 'gateway.yaml': yaml, 'stub.yaml': stub }
      const { problems } = await loadPolicy(t.testdir({ ...named, ...files }))
      const wrong = problems.filter(({ severity, code }) => severity === 'error' && !elsewhere.includes(code))
      t.same(
        wrong.map(({ code, message }) => `${code} ${message}`),
        [],
        `${page}, block ${index + 1}`,
      )
    }
  }
})

t.test('every code that a stage may deny with stands in its README', async (t) => {
  for (const stage of Object.values(stages)) {
    const page = stagePages.find(({ stage: name }) => name === kebab(stage.name))?.page
    if (!t.ok(page !== undefined, `${stage.name} has a README`)) continue
    const text = readFileSync(page ?? '', 'utf8')
    for (const { code } of Object.values(stage.reasons)) t.ok(text.includes(`\`${code}\``), `${page}: ${code}`)
  }
})

function kebab(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}

t.test('every command in the documents exists', async (t) => {
  const known = new Set((await postern(['--help'])).out.match(/^ {2}([a-z]+) /gm)?.map((word) => word.trim()))
  for (const page of pages) {
    const text = readFileSync(page, 'utf8')
    for (const [, command = ''] of text.matchAll(/^(?:\$ )?(?:postern|node dist\/cli\/main\.js) ([a-z]+)/gm)) {
      t.ok(known.has(command), `${page}: postern ${command}`)
    }
  }
})

t.test('links between documents lead somewhere', async (t) => {
  for (const page of pages) {
    const text = readFileSync(page, 'utf8')
    for (const [, target = ''] of text.matchAll(/\]\((?!https?:)([^)#]+)[^)]*\)/g)) {
      t.ok(existsSync(join(page, '..', target)), `${page}: ${target}`)
    }
  }
})
