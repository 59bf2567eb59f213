const unitBytes = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3, kB: 1e3, KB: 1e3, MB: 1e6, GB: 1e9 } as const

/** JSON Schema pattern of what `parseByteSize` reads. */
export const byteSizePattern = '^[0-9]{1,9}(B|KiB|MiB|GiB|kB|KB|MB|GB)$'

/** Bytes of `512B`, `64KiB`, `6MiB`, `1MB`; null when it is none of these. */
export function parseByteSize(text: string): number | null {
  const found = /^([0-9]{1,9})(B|KiB|MiB|GiB|kB|KB|MB|GB)$/.exec(text)
  if (found === null) return null
  return Number(found[1]) * unitBytes[found[2] as keyof typeof unitBytes] // the pattern admits only its keys
}

/** The size in its largest whole binary unit: 65536 is `64KiB`. */
export function formatByteSize(bytes: number): string {
  for (const unit of ['GiB', 'MiB', 'KiB'] as const) {
    if (bytes >= unitBytes[unit] && bytes % unitBytes[unit] === 0) return `${bytes / unitBytes[unit]}${unit}`
  }
  return `${bytes}B`
}
