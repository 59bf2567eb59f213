// Compiles what is measured and runs the benches: `npm run bench -- hot-path`, `start`, `reload`, or `all` (the default).
// Options after a name go to that bench: `npm run bench -- hot-path --rounds 3 --only GET --dry`.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'

const names = ['hot-path', 'start', 'reload']
const [asked = 'all', ...rest] = process.argv.slice(2)
const chosen = asked === 'all' ? names : existsSync(join('bench', `${asked}.ts`)) ? [asked] : null
if (chosen === null) {
  console.error(`There is no bench "${asked}". Known: ${names.join(', ')}, profile, all.`)
  process.exit(2)
}

const out = process.env.POSTERN_BUILD ?? 'build-bench'
rmSync(out, { recursive: true, force: true })
await build({
  entryPoints: ['src', 'bench', 'test/support'].filter(existsSync).flatMap((folder) =>
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
      .map((entry) => join(entry.parentPath, entry.name)),
  ),
  outdir: out,
  outbase: '.',
  format: 'esm',
  platform: 'node',
  target: 'node20',
  sourcemap: true,
  logLevel: 'warning',
})

let failed = false
for (const name of chosen) {
  const result = spawnSync(process.execPath, ['--enable-source-maps', join(out, 'bench', `${name}.js`), ...rest], {
    stdio: 'inherit',
  })
  failed ||= result.status !== 0
}
process.exit(failed ? 1 : 0)
