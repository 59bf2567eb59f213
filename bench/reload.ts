// What does a reload do to traffic? The policy is saved again and again under load, every other time broken. Counts
// what was lost or judged by anything but a whole, accepted policy, and the time from saving to the first answer under
// the new one. Run by `npm run bench -- reload`; README.md says how to read it.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { quantile } from '../test/support/load.js'
import { editedGateway, policyAt, runEdits, startEcho } from '../test/support/policy-edits.js'
import { startPostern } from './support/processes.js'
import { brokenBudget, circumstances, progress, table, writeSection } from './support/results.js'

const { values: options } = parseArgs({
  options: {
    edits: { type: 'string', default: '50' },
    rate: { type: 'string', default: '1000' },
    dry: { type: 'boolean', default: false },
  },
})
const folder = mkdtempSync(join(tmpdir(), 'postern-bench-reload-'))
const echo = await startEcho()
try {
  writeFileSync(join(folder, 'hmac.txt'), 'a secret of the bench, thirty-two bytes and more')
  writeFileSync(join(folder, 'gateway.yaml'), editedGateway)
  writeFileSync(join(folder, 'routes.yaml'), policyAt(1, echo.port))
  const postern = await startPostern(folder, 0)
  try {
    progress(`reload: ${options.edits} edits at ${options.rate} requests a second`)
    const report = await runEdits({
      folder,
      port: postern.port,
      upstreamPort: echo.port,
      edits: Number(options.edits),
      rate: Number(options.rate),
      refusals: () => refusals(postern.adminPort),
    })
    tell(report)
  } finally {
    await postern.stop()
  }
} finally {
  echo.close()
  rmSync(folder, { recursive: true, force: true })
}

async function refusals(adminPort: number): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${adminPort}/metrics`)).text()
  const found = /^postern_reloads_total\{[^}]*refused[^}]*\} ([0-9]+)$/m.exec(text)
  return Number(found?.[1] ?? 0)
}

function tell({ load, liveMs, stuck, halfMade, limitedAdmitted }: Awaited<ReturnType<typeof runEdits>>): void {
  progress('')
  const lost = load.lost + load.unaccepted + load.refused
  const text = `## reload

${circumstances()}

${options.edits} edits under ${options.rate} requests a second, every other one broken; every answer judged:

${table(
  ['', 'figure'],
  [
    ['requests answered', String(load.answered)],
    ['requests lost', String(lost)],
    ['answers of a half-made or refused policy', String(halfMade)],
    ['broken edits not refused, sound ones not live', String(stuck.length)],
    ['calls through a limit of 3, all reloads together', String(limitedAdmitted)],
    ['saved to live, median ms', quantile(liveMs, 0.5).toFixed(0)],
    ['saved to live, slowest ms', Math.max(...liveMs).toFixed(0)],
    ['latency meanwhile, p50 ms', quantile(load.latencies, 0.5).toFixed(2)],
    ['latency meanwhile, p99 ms', quantile(load.latencies, 0.99).toFixed(2)],
    ['latency meanwhile, slowest ms', Math.max(...load.latencies).toFixed(0)],
  ],
)}
`
  process.stdout.write(text)
  if (!options.dry) writeSection('reload', text)
  const broken = [
    ...brokenBudget('reload', {
      'requests lost': lost,
      'answers of a half-made policy': halfMade,
      'edits that went wrong': stuck.length,
      'calls through a limit of 3': limitedAdmitted,
      'slowest seconds to live': Math.max(...liveMs) / 1000,
    }),
    ...stuck,
    ...load.wrong,
  ]
  for (const sentence of broken) process.stderr.write(`over budget: ${sentence}\n`)
  if (broken.length > 0) process.exitCode = 1
}
