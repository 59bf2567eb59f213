import type { CorsSettings } from './settings.js'

/** What an origin is granted on any answer, flat; null where it is granted nothing. */
export function grants({ origins, credentials }: CorsSettings): (origin: string) => readonly string[] | null {
  if (origins === null) {
    const all = ['access-control-allow-origin', '*']
    return () => all
  }
  const byOrigin = new Map<string, readonly string[]>()
  for (const origin of origins) {
    const grant = ['access-control-allow-origin', origin]
    byOrigin.set(origin, credentials ? [...grant, 'access-control-allow-credentials', 'true'] : grant)
  }
  return (origin) => byOrigin.get(origin) ?? null
}
