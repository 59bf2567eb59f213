// Compiles what is measured and runs the benches: `npm run bench -- hot-path`, `start`, `reload`, `reload-routes`, or `all` (the default).
// Options after a name go to that bench: `npm run bench -- hot-path --rounds 3 --only GET --dry`.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'

const names = ['hot-path', 'start', 'reload', 'reload-routes']
const [asked = 'all', ...rest] = process.argv.slice(2)
const chosen = asked === 'all' ? names : existsSync(join('bench', `${asked}.ts`)) ? [asked] : null
if (chosen === null) {
  const others = readdirSync('bench')
    .filter((file) => file.endsWith('.ts'))
    .map((file) => file.slice(0, -3))
  console.error(`There is no bench "${asked}". Known: all, ${others.join(', ')}.`)
  process.exit(2)
}

// A folder of its own: two runs at once measure badly, but neither may run the other's code.
const out = `build-bench-${process.pid}`
process.on('exit', () => rmSync(out, { recursive: true, force: true }))
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1))
await build({
  entryPoints: ['src', 'bench', 'test/support', 'test/cli']
    .filter((folder) => existsSync(folder))
    .flatMap((folder) =>
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

// What users run is the bundle; so that is what is measured.
const bundled = spawnSync(process.execPath, ['scripts/build.mjs', join(out, 'dist')], { stdio: 'inherit' })
let failed = bundled.status !== 0
for (const name of chosen) {
  const result = spawnSync(process.execPath, ['--enable-source-maps', join(out, 'bench', `${name}.js`), ...rest], {
    stdio: 'inherit',
  })
  failed ||= result.status !== 0
}
process.exit(failed ? 1 : 0)
