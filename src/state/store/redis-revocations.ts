import { randomUUID } from 'node:crypto'
import { parseRevocation, type Revocation } from '../../values/revocation.js'
import type { RevocationStore } from '../revocations.js'
import { type RedisLink, script } from './redis-link.js'

// One hash: revocations by id, and under `version` a text that no other state of it has had. One key, so that a store that
// loses a part loses all of it, and is told again by whoever notices.
const change = script(`
redis.call('HSET', KEYS[1], 'version', ARGV[1])
for i = 2, #ARGV, 2 do
  if ARGV[i + 1] == '' then redis.call('HDEL', KEYS[1], ARGV[i])
  else redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
end
return 1
`)

/** Revocations in the shared store. Those whose time is over are dropped by whoever reads them next. */
export function createRedisRevocations(link: RedisLink): RevocationStore {
  const key = `${link.settings.prefix}:revoked`
  const apply = async (changes: readonly (readonly [id: string, text: string])[]): Promise<void> => {
    await link.run(change, [key], [randomUUID(), ...changes.flat()])
  }
  return {
    async version() {
      const version = await link.command('HGET', key, 'version')
      return typeof version === 'string' ? version : null
    },
    async load() {
      const texts = await link.command('HVALS', key)
      // The version is no revocation, and what a later version of ours may have written is not ours to read.
      const held = (Array.isArray(texts) ? texts : [])
        .map((text) => parseRevocation(String(text)))
        .filter((each): each is Revocation => each !== null)
      const past = held.filter(({ until }) => until <= Date.now())
      if (past.length > 0) await link.command('HDEL', key, ...past.slice(0, 1_000).map(({ id }) => id))
      return held
    },
    put: (revocations) => apply(revocations.map((each) => [each.id, JSON.stringify(each)])),
    remove: (id) => apply([[id, '']]),
  }
}
