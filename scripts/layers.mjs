// Checks who imports whom. A run that saw too few files checked nothing, and fails.
import { readdirSync } from 'node:fs'
import { cruise } from 'dependency-cruiser'
import extractDepcruiseConfig from 'dependency-cruiser/config-utl/extract-depcruise-config'
import extractTSConfig from 'dependency-cruiser/config-utl/extract-ts-config'

const config = await extractDepcruiseConfig('./.dependency-cruiser.cjs')
const { output } = await cruise(
  ['src'],
  { ...config.options, ruleSet: config, validate: true },
  {},
  {
    tsConfig: extractTSConfig('./tsconfig.json'),
  },
)
const files = readdirSync('src', { recursive: true }).filter((name) => name.endsWith('.ts')).length
const seen = output.modules.filter((module) => module.source.startsWith('src/')).length
const edges = output.modules.flatMap((module) => module.dependencies).length
for (const { from, to, rule, comment } of output.summary.violations) {
  const reason = config.forbidden.find(({ name }) => name === rule.name)?.comment ?? comment
  console.error(`${from} imports ${to}\n  ${rule.name}: ${reason}`)
}
console.log(`layers: ${seen} of ${files} files, ${edges} imports, ${output.summary.violations.length} violations`)
if (seen < files || seen === 0 || edges < files || output.summary.violations.length > 0) process.exit(1)
