import type { UpstreamPlan } from '../../../plan/plan.js'
import type {
  Answer,
  AwsKeys,
  Credential,
  CredentialFault,
  Exchange,
  OutgoingRequest,
  SendFault,
  Tools,
  Upstream,
} from '../../contract.js'
import type { AwsSigner } from './aws-sigv4.js'
import { rotating } from './rotating-headers.js'

/** Which names of an outgoing request a sign-in takes for itself; nothing else may set them. */
export function signInNames({ auth }: Pick<UpstreamPlan, 'auth'>): readonly string[] {
  switch (auth.kind) {
    case 'aws-sigv4':
      return ['authorization', 'x-amz-content-sha256', 'x-amz-date', 'x-amz-security-token']
    case 'google-id-token':
      return ['x-serverless-authorization']
    case 'azure-entra':
      return ['authorization']
    case 'header':
      return auth.headers.map(({ name }) => name)
    default:
      return []
  }
}

/**
 * The way to a function, with its platform's sign-in on every request. Where that is nothing but constants, or nothing at
 * all, it is the way itself: such a route pays for none of this.
 */
export function signedIn(upstream: Upstream, plan: UpstreamPlan, tools: Tools): Upstream {
  const { auth } = plan
  switch (auth.kind) {
    case 'aws-sigv4':
      return signedForAws(upstream, plan, { region: auth.region, service: auth.service }, tools)
    case 'google-id-token':
      return withToken(upstream, 'x-serverless-authorization', tools.credentials.googleIdToken(auth.audience))
    case 'azure-entra':
      return withToken(upstream, 'authorization', tools.credentials.azureToken(auth.resource, auth.clientId))
    case 'header':
      return auth.headers.some(({ former }) => former !== undefined)
        ? rotating(upstream, auth.headers, (text) => tools.reveal(text), tools.clock)
        : upstream
    default:
      return upstream
  }
}

function isFault(value: unknown): value is CredentialFault {
  return typeof value === 'object' && value !== null && 'fault' in value
}

function noCredentials({ detail, retryAfterSeconds }: CredentialFault): SendFault {
  return { fault: 'no-credentials', detail, sent: false, began: false, retryAfterSeconds }
}

function withToken(upstream: Upstream, header: string, credential: Credential<string>): Upstream {
  const ready = credential.get()
  // Fetched while routes are compiled, so that the first request finds it; a fault will be met again.
  if (ready instanceof Promise) void ready
  return {
    takeRetry: () => upstream.takeRetry(),
    async send(request, exchange) {
      const token = await credential.get()
      if (isFault(token)) return noCredentials(token)
      const headers = withoutHeader(request.headers, header)
      headers.push(header, `Bearer ${token}`)
      const outcome = await upstream.send({ ...request, headers }, exchange)
      // Whether it was the caller or the gateway that may not, the answer does not say for certain.
      if (!('fault' in outcome) && outcome.status === 401) credential.doubt(token)
      return outcome
    },
  }
}

function withoutHeader(headers: readonly string[], name: string): string[] {
  return headers.filter((_, i) => headers[i - (i % 2)] !== name)
}

/** A request whose time differs by more is refused; a little less, so that what is on its way is not. */
const skewMs = 4 * 60_000

/** What AWS says of keys that it does not know, or no longer. */
const keysRefused = /^(ExpiredToken|UnrecognizedClient|InvalidClientTokenId|InvalidSignature)/

function signedForAws(
  upstream: Upstream,
  { origin, platform }: UpstreamPlan,
  scope: { readonly region: string; readonly service: string },
  { credentials, clock }: Tools,
): Upstream {
  const credential = credentials.aws()
  const opened: Promise<AwsSigner> = import('./aws-sigv4.js').then(({ openAwsSigner }) =>
    openAwsSigner({ host: new URL(origin).host, ...scope }),
  )
  const ready = credential.get()
  if (ready instanceof Promise) void ready
  // A package that cannot be loaded fails each request, not the process.
  opened.catch(() => {})
  /** How much later it is where the signatures are judged. */
  let offsetMs = 0

  const signAndSend = async (request: OutgoingRequest, exchange: Exchange, signer: AwsSigner, keys: AwsKeys) =>
    await upstream.send(await signer.sign(request, keys, clock.now() + offsetMs), exchange)

  /** The platform's time less ours, where that explains a refusal; null where it does not. */
  const skewOf = ({ status, headers }: Answer): number | null => {
    if (status !== 403) return null
    const told = Date.parse(headerOf(headers, 'date') ?? '')
    if (Number.isNaN(told) || Math.abs(told - (clock.now() + offsetMs)) < skewMs) return null
    return told - clock.now()
  }

  return {
    takeRetry: () => upstream.takeRetry(),
    async send(request, exchange) {
      const keys = await credential.get()
      if (isFault(keys)) return noCredentials(keys)
      const signer = await opened
      const asked = platform === 'aws-lambda' ? withTrace(request, exchange) : request
      const first = await signAndSend(asked, exchange, signer, keys)
      if ('fault' in first) return first
      const skew = skewOf(first)
      // Once: a signature that is refused at the right time as well has another fault.
      if (skew !== null) {
        offsetMs = skew
        first.replace(Buffer.alloc(0))
        return await signAndSend(asked, exchange, signer, keys)
      }
      if (first.status === 403 && keysRefused.test(headerOf(first.headers, 'x-amzn-errortype') ?? ''))
        credential.doubt(keys)
      return first
    },
  }
}

/** Flat headers with lower-case names. */
export function headerOf(headers: readonly string[], name: string): string | undefined {
  for (let i = 0; i < headers.length; i += 2) if (headers[i] === name) return headers[i + 1]
  return undefined
}

const root = 'Root=1-[0-9a-f]{8}-[0-9a-f]{24}'
const traceId = new RegExp(`^${root}(?:;(?:Self|Parent|Lineage)=[0-9A-Za-z:|-]{1,64}){0,4}$`)

/**
 * A load balancer's trace id goes on to the function, where Powertools and X-Ray read it: the id alone, in its own form.
 * Whether a trace is kept, and paid for, is no caller's choice, so `Sampled` does not pass.
 * https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader
 */
function withTrace(request: OutgoingRequest, { headers }: Exchange): OutgoingRequest {
  const given = headers['x-amzn-trace-id']
  if (typeof given !== 'string') return request
  const bare = given.replace(/;\s*Sampled=[01?]/g, '').replaceAll('; ', ';')
  return traceId.test(bare) ? { ...request, headers: [...request.headers, 'x-amzn-trace-id', bare] } : request
}
