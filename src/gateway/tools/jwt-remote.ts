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
    check(token, read, now) {
      const current = keySet.ready(now)
      const found = current === null ? 'unknown' : candidateKeys(current.keys, read.algorithm, read.kid)
      return current === null || typeof found === 'string'
        ? lookFurther(keySet, current, token, read)
        : verifyBy(found, 0, token, read.algorithm, current.generation)
    },
  }
}

/** The keys in hand do not tell: asks the key set for others, which decides whether the issuer is asked. */
async function lookFurther(
  keySet: KeySet,
  inHand: KeyGeneration | null,
  token: string,
  { algorithm, kid }: UnverifiedToken,
): Promise<SignatureResult> {
  let current = inHand
  if (current === null) {
    const answer = await keySet.wait('not-ready')
    if (answer.current === null) return unavailable(answer.retryAfterSeconds)
    current = answer.current
  }
  let found = candidateKeys(current.keys, algorithm, kid)
  if (found === 'unknown') {
    const answer = await keySet.wait('unknown-key')
    if (answer.current === null) return unavailable(answer.retryAfterSeconds)
    current = answer.current
    found = candidateKeys(current.keys, algorithm, kid)
    // Whether the key is new or invented, only the issuer could say: while it cannot be asked, nobody is at fault.
    if (found === 'unknown') {
      return answer.certain ? { fault: 'token-key-unknown' } : unavailable(answer.retryAfterSeconds)
    }
  }
  return found === 'ambiguous'
    ? { fault: 'token-key-ambiguous' }
    : await verifyBy(found, 0, token, algorithm, current.generation)
}

/** Tries one key after another. */
function verifyBy(
  keys: KeyGeneration['keys'],
  index: number,
  token: string,
  algorithm: string,
  generation: number,
): Promise<SignatureResult> {
  const next = keys[index]
  if (next === undefined) return Promise.resolve({ fault: 'token-signature', generation })
  return compactVerify(token, next.key, { algorithms: [algorithm] }).then(
    () => ({ generation }),
    // Not this key; jose has no other reason left after our reading, and whatever it throws is no admission.
    () => verifyBy(keys, index + 1, token, algorithm, generation),
  )
}

function unavailable(retryAfterSeconds: number): SignatureResult {
  return { fault: 'issuer-unavailable', retryAfterSeconds }
}
