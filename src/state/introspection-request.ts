import type { IssuerPlan } from '../plan/plan.js'
import { IssuerFault, type IssuerRequests } from './issuer-requests.js'

/** What the issuer says of a token: what it stands for, or null where it is not active. */
export type Introspected = Readonly<Record<string, unknown>> | null

/** Asks an issuer about one token. Rejects with an `IssuerFault` and nothing else. */
export type AskAboutToken = (token: string) => Promise<Introspected>

/** The way to ask this issuer about tokens, as the client that its plan names. RFC 7662 §2 */
export function createIntrospectionRequest(
  issuer: IssuerPlan,
  secret: string,
  requests: IssuerRequests,
): AskAboutToken {
  const { introspection } = issuer
  if (introspection === null) throw new Error(`issuer ${issuer.name} has no introspection`)
  const { clientId, authMethod } = introspection

  return (token) =>
    requests.within(async (signal) => {
      // Loaded with the first question: a policy without introspection never needs it.
      const oauth = await import('oauth4webapi')
      const endpoint = introspection.endpoint ?? (await requests.locate('introspection_endpoint', signal))
      const server = { issuer: issuer.issuer, introspection_endpoint: endpoint }
      const client = { client_id: clientId }
      const authenticate = authMethod === 'post' ? oauth.ClientSecretPost(secret) : oauth.ClientSecretBasic(secret)
      try {
        const answer = await oauth.introspectionRequest(server, client, authenticate, token, {
          additionalParameters: { token_type_hint: 'access_token' },
          signal,
          // The policy has judged the address: plain http only on loopback, or with a reason.
          [oauth.allowInsecureRequests]: true,
          [oauth.customFetch]: async (url, { method, headers, body }) => {
            const sent = await requests.send(url, { method, headers, body: body.toString(), signal })
            // RFC 7662 §2.2 knows 200 alone; 204 and the like could not even be put into a Response with a body.
            if (sent.status !== 200) throw new IssuerFault(`${endpoint} answered ${sent.status}${hint(sent.status)}`)
            if (!/^application\/json *(;|$)/i.test(sent.contentType)) throw new IssuerFault(`${endpoint} sent no JSON`)
            return new Response(new Uint8Array(sent.body), { headers: { 'content-type': sent.contentType } })
          },
        })
        const said = await oauth.processIntrospectionResponse(server, client, answer)
        return said.active ? said : null
      } catch (error) {
        throw error instanceof oauth.OperationProcessingError || error instanceof oauth.ResponseBodyError
          ? new IssuerFault(`${endpoint} sent no answer by RFC 7662`)
          : error
      }
    })
}

function hint(status: number): string {
  if (status === 401 || status === 403) return '; it does not take our client credentials'
  return status >= 300 && status < 400 ? '; redirects are not followed' : ''
}
