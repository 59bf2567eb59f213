import { createPrivateKey, sign } from 'node:crypto'
import { ask, fileText, objectIn, textIn } from './ask.js'
import type { Fetched } from './kept-credential.js'

export interface GoogleSource {
  /** Who must be named in the token: the function. */
  readonly audience: string
  /** A service-account key or a workload identity federation file; null: the metadata server of Google's own machines. */
  readonly credentialsFile: string | null
  /** Host of the metadata server. */
  readonly metadataHost: string
}

/**
 * An ID token for one audience.
 * https://cloud.google.com/run/docs/authenticating/service-to-service
 */
export async function fetchGoogleIdToken(
  source: GoogleSource,
  now: number,
  signal: AbortSignal,
): Promise<Fetched<string>> {
  const token =
    source.credentialsFile === null ? await fromMetadata(source, signal) : await fromFile(source, now, signal)
  return { value: token, expiresAt: endOf(token, source.audience) }
}

async function fromMetadata({ audience, metadataHost }: GoogleSource, signal: AbortSignal): Promise<string> {
  const path = '/computeMetadata/v1/instance/service-accounts/default/identity'
  const told = await ask(`http://${metadataHost}${path}?audience=${encodeURIComponent(audience)}`, {
    headers: { 'metadata-flavor': 'Google' },
    signal,
  })
  // Whoever else answers under that name is no metadata server.
  if (told.headers['metadata-flavor'] !== 'Google') throw new Error(`${metadataHost} is no metadata server of Google`)
  return told.text.trim()
}

async function fromFile(source: GoogleSource, now: number, signal: AbortSignal): Promise<string> {
  const path = source.credentialsFile ?? ''
  const file = objectIn(await fileText(path), path)
  if (file['type'] === 'service_account') return await byServiceAccountKey(file, path, source.audience, now, signal)
  if (file['type'] === 'external_account') return await byFederation(file, path, source.audience, signal)
  throw new Error(`${path} is neither a service-account key nor a workload identity federation file`)
}

/** A JWT signed with the key, exchanged for the ID token. RFC 7523 section 2.1, with Google's `target_audience` */
async function byServiceAccountKey(
  file: Readonly<Record<string, unknown>>,
  path: string,
  audience: string,
  now: number,
  signal: AbortSignal,
): Promise<string> {
  const email = textIn(file, 'client_email', path)
  const tokenUri = textIn(file, 'token_uri', path)
  const seconds = Math.floor(now / 1000)
  const claims = {
    iss: email,
    sub: email,
    aud: tokenUri,
    iat: seconds,
    exp: seconds + 3_600,
    target_audience: audience,
  }
  const head = { alg: 'RS256', typ: 'JWT', kid: file['private_key_id'] }
  const text = `${base64url(JSON.stringify(head))}.${base64url(JSON.stringify(claims))}`
  const key = createPrivateKey(textIn(file, 'private_key', path))
  const assertion = `${text}.${sign('RSA-SHA256', Buffer.from(text), key).toString('base64url')}`
  const told = await ask(tokenUri, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion }).toString(),
    signal,
  })
  return textIn(objectIn(told.text, tokenUri), 'id_token', tokenUri)
}

/** A token of another cloud, exchanged (RFC 8693), and then used to ask for the service account's ID token. */
async function byFederation(
  file: Readonly<Record<string, unknown>>,
  path: string,
  audience: string,
  signal: AbortSignal,
): Promise<string> {
  const tokenUrl = textIn(file, 'token_url', path)
  const impersonation = file['service_account_impersonation_url']
  if (typeof impersonation !== 'string' || !impersonation.endsWith(':generateAccessToken')) {
    throw new Error(`${path} names no service account to impersonate: only a service account has ID tokens`)
  }
  const exchanged = await ask(tokenUrl, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      audience: textIn(file, 'audience', path),
      scope: 'https://www.googleapis.com/auth/cloud-platform',
      requested_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      subject_token_type: textIn(file, 'subject_token_type', path),
      subject_token: await subjectToken(file['credential_source'], path, signal),
    }).toString(),
    signal,
  })
  const accessToken = textIn(objectIn(exchanged.text, tokenUrl), 'access_token', tokenUrl)
  const url = impersonation.replace(/:generateAccessToken$/, ':generateIdToken')
  const told = await ask(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${accessToken}` },
    body: JSON.stringify({ audience, includeEmail: true }),
    signal,
  })
  return textIn(objectIn(told.text, url), 'token', url)
}

/** From a file or a URL, as text or as a member of JSON. https://google.aip.dev/auth/4117 */
async function subjectToken(source: unknown, path: string, signal: AbortSignal): Promise<string> {
  const { file, url, headers, format } = Object(source)
  let text: string
  if (typeof file === 'string') text = await fileText(file)
  else if (typeof url === 'string') text = (await ask(url, { headers: textsOf(headers), signal })).text
  else throw new Error(`${path} takes its token from neither a file nor a URL, which are the sources known here`)
  const { type, subject_token_field_name: field } = Object(format)
  if (type !== 'json') return text.trim()
  return textIn(objectIn(text, 'the subject token'), String(field), 'the subject token')
}

function textsOf(headers: unknown): Record<string, string> {
  const entries = Object.entries(Object(headers))
  return Object.fromEntries(entries.flatMap(([name, value]) => (typeof value === 'string' ? [[name, value]] : [])))
}

/** Epoch ms of `exp`. A token for somebody else must not be sent: it would be one more for them to use. */
function endOf(token: string, audience: string): number {
  const parts = token.split('.')
  if (parts.length !== 3) throw new Error('what came is no ID token')
  const { aud, exp } = objectIn(Buffer.from(parts[1] ?? '', 'base64url').toString(), 'the ID token')
  if (aud !== audience)
    throw new Error(`the ID token is for ${JSON.stringify(String(aud).slice(0, 100))}, not for ${audience}`)
  if (typeof exp !== 'number' || !Number.isSafeInteger(exp)) throw new Error('the ID token has no end')
  return exp * 1000
}

function base64url(text: string): string {
  return Buffer.from(text).toString('base64url')
}
