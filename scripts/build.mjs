// Compiles src into dist. A build that fails leaves no half of one behind.
import { spawnSync } from 'node:child_process'
import { chmodSync, rmSync } from 'node:fs'

rmSync('dist', { recursive: true, force: true })
rmSync('node_modules/.cache/tsconfig.build.tsbuildinfo', { force: true })
const result = spawnSync('npx', ['--no-install', 'tsc', '-p', 'tsconfig.build.json'], { stdio: 'inherit' })
if (result.status !== 0) {
  rmSync('dist', { recursive: true, force: true })
  process.exit(1)
}
chmodSync('dist/cli/main.js', 0o755)
