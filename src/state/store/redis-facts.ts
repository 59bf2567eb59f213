import { hash } from 'node:crypto'
import type { RedisLink } from './redis-link.js'
import type { SharedFacts } from './shared-facts.js'

/** Facts as plain keys with an expiry: `postern:dpop:{<digest>}`. */
export function createRedisFacts(link: RedisLink): SharedFacts {
  const { prefix, isCluster } = link.settings
  const keyOf = (space: string, key: string): string => `${prefix}:${space}:{${hash('sha256', key, 'base64url')}}`
  const lasting = (ttlMs: number): number => Math.max(1, Math.ceil(ttlMs))
  return {
    get isUp() {
      return link.isUp
    },
    addOnce: async (space, key, ttlMs) =>
      (await link.command('SET', keyOf(space, key), '1', 'PX', lasting(ttlMs), 'NX')) === 'OK',
    has: async (space, key) => (await link.command('EXISTS', keyOf(space, key))) === 1,
    async hasAny(space, keys) {
      if (keys.length === 0) return false
      const names = keys.map((key) => keyOf(space, key))
      if (!isCluster) return Number(await link.command('EXISTS', ...names)) > 0
      const found = await Promise.all(names.map((name) => link.command('EXISTS', name)))
      return found.includes(1)
    },
    async set(space, key, value, ttlMs) {
      await link.command('SET', keyOf(space, key), value, 'PX', lasting(ttlMs))
    },
    async get(space, key) {
      const value = await link.command('GET', keyOf(space, key))
      return typeof value === 'string' ? value : null
    },
    async remove(space, key) {
      await link.command('DEL', keyOf(space, key))
    },
  }
}
