import { compactVerify } from 'jose'
import type { KeyGeneration, KeySet } from '../../state/key-sets.js'
import { candidateKeys } from '../../values/jwk-set.js'
import type { KeySource, SignatureResult } from './jwt-key-source.js'
import type { UnverifiedToken } from './jwt-token.js'

/**
 * Checks signatures by `jose` for an issuer that publishes its keys. Only a token that nothing else speaks against may
 * make us fetch keys, and the key set decides whether it does.
 */
export function remoteKeys(keySet: KeySet): KeySource {
  return {
    ready: (now) => keySet.ready(now)?.generation ?? null,
    close: () => keySet.close(),
    async check(token, read, now) {
      let current = keySet.ready(now)
      if (current === null) {
        const answer = await keySet.wait('not-ready')
        if (answer.current === null) return unavailable(answer.retryAfterSeconds)
        current = answer.current
      }
      let found = candidateKeys(current.keys, read.algorithm, read.kid)
      if (found === 'unknown') {
        const answer = await keySet.wait('unknown-key')
        if (answer.current === null) return unavailable(answer.retryAfterSeconds)
        current = answer.current
        found = candidateKeys(current.keys, read.algorithm, read.kid)
        if (found === 'unknown') {
          // Whether the key is new or invented, only the issuer could say: while it cannot be asked, nobody is at fault.
          return answer.certain ? { fault: 'token-key-unknown' } : unavailable(answer.retryAfterSeconds)
        }
      }
      return found === 'ambiguous' ? { fault: 'token-key-ambiguous' } : await verify(token, read, found, current)
    },
  }
}

async function verify(
  token: string,
  read: UnverifiedToken,
  keys: KeyGeneration['keys'],
  { generation }: KeyGeneration,
): Promise<SignatureResult> {
  const options = { algorithms: [read.algorithm] }
  for (const { key } of keys) {
    try {
      await compactVerify(token, key, options)
      return { generation }
    } catch {
      // Not this key; jose has no other reason left after `readToken`, and whatever it throws is no admission.
    }
  }
  return { fault: 'token-signature', generation }
}

function unavailable(retryAfterSeconds: number): SignatureResult {
  return { fault: 'issuer-unavailable', retryAfterSeconds }
}
