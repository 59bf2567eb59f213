/** A metric whose values live elsewhere and are asked for at each look. */
export interface Registered {
  readonly name: string
  readonly help: string
  readonly type: 'counter' | 'gauge'
  /** Runs at each look; one that throws is left out. */
  readonly collect: () => number | readonly Sample[]
}

/** One value of a metric. */
interface Sample {
  readonly labels?: Readonly<Record<string, string>>
  readonly value: number
}

/** What stands before the series of a metric. Prometheus text format 0.0.4 */
export function formatHead(name: string, help: string, type: 'counter' | 'gauge' | 'histogram'): string {
  const text = help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')
  return `# HELP ${name} ${text}\n# TYPE ${name} ${type}\n`
}

/** A label with its value; backslash, quote and line feed are escaped. */
export function formatLabel(name: string, value: string): string {
  return `${name}="${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`
}

/** A registered metric with the values it has now; empty when it cannot tell. */
export function formatRegistered({ name, help, type, collect }: Registered): string {
  let samples: number | readonly Sample[]
  try {
    samples = collect()
  } catch {
    return ''
  }
  const head = formatHead(name, help, type)
  if (typeof samples === 'number') return `${head}${name} ${formatValue(samples)}\n`
  return (
    head + samples.map(({ labels = {}, value }) => `${name}${formatLabels(labels)} ${formatValue(value)}\n`).join('')
  )
}

function formatLabels(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(([label, value]) => formatLabel(label, value))
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`
}

function formatValue(value: number): string {
  return value === Infinity ? '+Inf' : value === -Infinity ? '-Inf' : String(value)
}
