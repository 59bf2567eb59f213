// Compiles src and test into build/, then runs tap over the compiled tests: `npm run tap -- test/values.test.ts …`.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'

const out = process.env.POSTERN_BUILD ?? 'build'
const sources = (folder) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => join(entry.parentPath, entry.name))

rmSync(out, { recursive: true, force: true })
await build({
  entryPoints: ['src', 'test', 'bench'].filter((folder) => existsSync(folder)).flatMap(sources),
  outdir: out,
  outbase: '.',
  format: 'esm',
  platform: 'node',
  target: 'node20',
  sourcemap: true,
  logLevel: 'warning',
})

const named = process.argv.slice(2)
const compiled = (file) => join(out, file.replace(/\.ts$/, '.js'))
const tests = named.filter((argument) => argument.endsWith('.ts')).map(compiled)
const flags = named.filter((argument) => !argument.endsWith('.ts'))
const all = sources('test')
  .filter((file) => file.endsWith('.test.ts'))
  .map(compiled)
const result = spawnSync('npx', ['--no-install', 'tap', 'run', ...flags, ...(tests.length > 0 ? tests : all)], {
  stdio: 'inherit',
})
process.exit(result.status ?? 1)
