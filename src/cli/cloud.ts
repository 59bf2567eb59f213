import type { CloudSettings } from '../state/credentials/credentials.js'

/**
 * What the environment tells of the cloud that this process stands in, by the names that each cloud's own tools use. The
 * AWS chain reads its variables by itself.
 */
export function cloudFrom(env: Readonly<Record<string, string | undefined>>): CloudSettings {
  const endpoint = env['IDENTITY_ENDPOINT']
  const secret = env['IDENTITY_HEADER']
  return {
    googleCredentialsFile: filled(env['GOOGLE_APPLICATION_CREDENTIALS']),
    googleMetadataHost: filled(env['GCE_METADATA_HOST']),
    azureMetadataOrigin: filled(env['AZURE_POD_IDENTITY_AUTHORITY_HOST']),
    azureIdentity: endpoint && secret ? { endpoint, secret } : undefined,
  }
}

function filled(text: string | undefined): string | undefined {
  return text === '' ? undefined : text
}
