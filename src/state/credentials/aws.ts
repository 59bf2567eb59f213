import { defaultProvider } from '@aws-sdk/credential-provider-node'
import type { AwsKeys } from '../../stages/contract.js'
import type { Fetched } from './kept-credential.js'

/** What the chain says on its own behalf goes nowhere: what matters comes back as an error. */
const silent = { trace() {}, debug() {}, info() {}, warn() {}, error() {} }

/**
 * The AWS chain, walked once: environment, shared files with profiles, web identity, container endpoints (ECS, EKS), and
 * instance metadata by version 2 alone. The package caches what it finds until five minutes before its end; a chain of
 * its own for each walk is what lets us renew earlier than that.
 */
export async function fetchAwsKeys(signal: AbortSignal): Promise<Fetched<AwsKeys>> {
  // Trying again is our business: what is in hand serves meanwhile.
  const chain = defaultProvider({ logger: silent, ec2MetadataV1Disabled: true, maxRetries: 0, timeout: 1_000 })
  const found = await beforeEnd(chain(), signal)
  // Instance metadata that is down extends what it gave last on its own account; only the written end counts.
  const written = 'originalExpiration' in found ? found.originalExpiration : found.expiration
  return {
    value: Object.freeze({
      accessKeyId: found.accessKeyId,
      secretAccessKey: found.secretAccessKey,
      sessionToken: found.sessionToken ?? null,
    }),
    expiresAt: written instanceof Date ? written.getTime() : null,
  }
}

/** The package takes no signal. */
async function beforeEnd<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  let stop = (): void => {}
  const late = new Promise<never>((_, reject) => {
    stop = () => reject(new Error('the AWS credential chain did not answer in time'))
    signal.addEventListener('abort', stop, { once: true })
  })
  try {
    return await Promise.race([work, late])
  } finally {
    signal.removeEventListener('abort', stop)
  }
}
