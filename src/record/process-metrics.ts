import { readdirSync, readFileSync } from 'node:fs'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { LogStats } from './log.js'
import type { Metrics } from './metrics.js'

/**
 * Registers what the process itself can tell: version, start, memory, and how late the event loop runs since the last look
 * at it. Returns a function that stops the measuring.
 */
export function registerProcess(
  metrics: Metrics,
  about: { readonly version: string; readonly startedAt: number },
): () => void {
  const delay = monitorEventLoopDelay({ resolution: 10 })
  delay.enable()
  metrics.register({
    name: 'postern_build_info',
    help: 'Always 1; the labels tell versions.',
    type: 'gauge',
    collect: () => [{ labels: { version: about.version, node: process.versions.node }, value: 1 }],
  })
  metrics.register({
    name: 'postern_start_time_seconds',
    help: 'When the process started, in Unix time.',
    type: 'gauge',
    collect: () => about.startedAt / 1000,
  })
  metrics.register({
    name: 'postern_cpu_seconds_total',
    help: 'CPU time of the process, user and system.',
    type: 'counter',
    collect: () => {
      const { user, system } = process.cpuUsage()
      return (user + system) / 1e6
    },
  })
  metrics.register({
    name: 'postern_resident_memory_bytes',
    help: 'Resident memory of the process.',
    type: 'gauge',
    collect: () => process.memoryUsage.rss(),
  })
  metrics.register({
    name: 'postern_open_files',
    help: 'Files and sockets that the process has open; where the system does not tell, absent.',
    type: 'gauge',
    collect: () => readdirSync('/proc/self/fd').length,
  })
  metrics.register({
    name: 'postern_open_files_limit',
    help: 'How many it may have open; beyond, connections are dropped.',
    type: 'gauge',
    collect: () => {
      const limit = /^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1]
      return limit === undefined ? [] : [{ value: Number(limit) }]
    },
  })
  metrics.register({
    name: 'postern_event_loop_delay_seconds',
    help: 'How late the event loop ran since the last look, by quantile.',
    type: 'gauge',
    collect: () => {
      const seconds = (nanoseconds: number): number => (Number.isFinite(nanoseconds) ? nanoseconds / 1e9 : 0)
      const samples = [
        { labels: { quantile: '0.5' }, value: seconds(delay.percentile(50)) },
        { labels: { quantile: '0.99' }, value: seconds(delay.percentile(99)) },
        { labels: { quantile: '1' }, value: seconds(delay.max) },
      ]
      delay.reset()
      return samples
    },
  })
  return () => delay.disable()
}

/** Registers what a log tells of itself. */
export function registerLog(metrics: Metrics, stats: () => LogStats): void {
  metrics.register({
    name: 'postern_log_lines_written_total',
    help: 'Log lines that reached their sink.',
    type: 'counter',
    collect: () => stats().writtenLines,
  })
  metrics.register({
    name: 'postern_log_lines_dropped_total',
    help: 'Log lines dropped because the sink stalled or failed.',
    type: 'counter',
    collect: () => stats().droppedLines,
  })
  metrics.register({
    name: 'postern_log_failing',
    help: '1 while log lines cannot be written.',
    type: 'gauge',
    collect: () => Number(stats().fault !== null),
  })
  metrics.register({
    name: 'postern_log_held_bytes',
    help: 'Log lines held in memory until the sink takes them.',
    type: 'gauge',
    collect: () => stats().heldBytes,
  })
}
