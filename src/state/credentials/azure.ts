import { ask, objectIn, textIn } from './ask.js'
import type { Fetched } from './kept-credential.js'

export interface AzureSource {
  /** The application that the function believes: `api://<client id>`. */
  readonly resource: string
  /** Of a user-assigned identity; null: the system's own. */
  readonly clientId: string | null
  /** Where App Service and Container Apps hand out tokens, with the secret that proves us to be the app; null elsewhere. */
  readonly appService: { readonly endpoint: string; readonly secret: string } | null
  /** Origin of the instance metadata service. */
  readonly metadataOrigin: string
}

/**
 * An access token of the managed identity.
 * https://learn.microsoft.com/azure/app-service/overview-managed-identity#rest-endpoint-reference
 * https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token
 */
export async function fetchAzureToken(source: AzureSource, now: number, signal: AbortSignal): Promise<Fetched<string>> {
  const { appService, resource, clientId, metadataOrigin } = source
  const url = new URL(appService?.endpoint ?? `${metadataOrigin}/metadata/identity/oauth2/token`)
  url.searchParams.set('api-version', appService === null ? '2018-02-01' : '2019-08-01')
  url.searchParams.set('resource', resource)
  if (clientId !== null) url.searchParams.set('client_id', clientId)
  const headers = appService === null ? { metadata: 'true' } : { 'x-identity-header': appService.secret }
  const told = await ask(url.href, { headers, signal })
  const answer = objectIn(told.text, url.host)
  const token = textIn(answer, 'access_token', url.host)
  const end = Number(answer['expires_on'])
  if (Number.isSafeInteger(end) && end > 0) return { value: token, expiresAt: end * 1000 }
  const life = Number(answer['expires_in'])
  if (!Number.isSafeInteger(life) || life <= 0) throw new Error(`${url.host} does not say until when its token is good`)
  return { value: token, expiresAt: now + life * 1000 }
}
