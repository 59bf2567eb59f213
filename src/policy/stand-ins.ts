import type { Place } from '../values/place.js'
import type { Shared } from './shared.js'

/**
 * Things that are declared but broken stand in by their name alone, so that the routes which name them are not called
 * wrong as well. The set is refused anyway, so nobody ever reads more of them.
 */
export function withStandIns<T extends { readonly name: string; readonly declaredAt: Place }>(
  plans: Record<string, T>,
  { entries }: Shared,
): Record<string, T> {
  const all: Record<string, T> = Object.assign(Object.create(null), plans)
  for (const name of entries.keys()) {
    all[name] ??= new Proxy({ name } as T, { get: (_, key) => (key === 'name' ? name : standIn(String(key))) }) // as said above
  }
  return all
}

/** Something that reads as empty whatever a stage asks of it. */
function standIn(key: string): unknown {
  return /algorithms|tokenTypes|keys|ipAllow|oneOf/.test(key) ? [] : null
}
