import type { Clock, Credentials } from '../../stages/contract.js'
import { type CredentialNotice, type CredentialStats, type Fetched, KeptCredential } from './kept-credential.js'

/** What the machine tells of the cloud it stands in, read from the environment by the command line. */
export interface CloudSettings {
  /** GOOGLE_APPLICATION_CREDENTIALS */
  readonly googleCredentialsFile?: string | undefined
  /** GCE_METADATA_HOST */
  readonly googleMetadataHost?: string | undefined
  /** IDENTITY_ENDPOINT and IDENTITY_HEADER */
  readonly azureIdentity?: { readonly endpoint: string; readonly secret: string } | undefined
  /** AZURE_POD_IDENTITY_AUTHORITY_HOST */
  readonly azureMetadataOrigin?: string | undefined
}

/** What every platform's sign-in is made of; it outlives reloads, so a reload costs no token. */
export interface KeptCredentials extends Credentials {
  stats(): readonly CredentialStats[]
}

/**
 * The credentials of one process, none of them fetched yet. What fetches them is loaded with the first that is asked for:
 * a gateway whose functions are on no such platform never loads it.
 */
export function createCredentials(options: {
  readonly clock: Clock
  readonly cloud?: CloudSettings
  readonly notify?: (notice: CredentialNotice) => void
  readonly random?: () => number
}): KeptCredentials {
  const { clock, cloud = {}, notify = () => {}, random } = options
  const known = new Map<string, { stats(): CredentialStats }>()

  /** The source's name is its key, and says what type of value it gives. */
  function keep<T>(source: string, fetch: (signal: AbortSignal) => Promise<Fetched<T>>): KeptCredential<T> {
    const found = known.get(source)
    if (found !== undefined) return found as KeptCredential<T> // the source names the type
    const made = new KeptCredential<T>({ source, fetch, clock, notify, ...(random === undefined ? {} : { random }) })
    known.set(source, made)
    return made
  }

  return {
    aws: () => keep('aws', async (signal) => (await import('./aws.js')).fetchAwsKeys(signal)),
    googleIdToken: (audience) =>
      keep(`google ${audience}`, async (signal) => {
        const { fetchGoogleIdToken } = await import('./google.js')
        const source = {
          audience,
          credentialsFile: cloud.googleCredentialsFile ?? null,
          metadataHost: cloud.googleMetadataHost ?? 'metadata.google.internal',
        }
        return await fetchGoogleIdToken(source, clock.now(), signal)
      }),
    azureToken: (resource, clientId) =>
      keep(`azure ${resource}${clientId === null ? '' : ` ${clientId}`}`, async (signal) => {
        const { fetchAzureToken } = await import('./azure.js')
        const source = {
          resource,
          clientId,
          appService: cloud.azureIdentity ?? null,
          metadataOrigin: cloud.azureMetadataOrigin ?? 'http://169.254.169.254',
        }
        return await fetchAzureToken(source, clock.now(), signal)
      }),
    stats: () => [...known.values()].map((each) => each.stats()),
  }
}
