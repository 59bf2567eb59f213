import type { PlatformId, UpstreamAuth, UpstreamPlan } from '../plan/plan.js'

/** What is known of a serverless platform: how to tell it by its hosts, and what it takes. */
export interface Platform {
  readonly id: PlatformId
  readonly name: string
  /** The sign-in that is usual there, as a policy writes it. */
  readonly signIn: string
  readonly host: RegExp
  /** The largest request body; bytes that are no text count more where the platform encodes them (base64). */
  readonly bodyBytes: number | null
  readonly binaryBytes: number | null
  /** The longest it lets a function answer. */
  readonly totalMs: number | null
  /** The longest path and query together. */
  readonly targetBytes: number | null
  /** Calls a second for each unit of reserved concurrency. */
  readonly callsPerUnit: number | null
}

const mebi = 1_048_576
const unknown = { bodyBytes: null, binaryBytes: null, totalMs: null, targetBytes: null, callsPerUnit: null } as const

/** Hosts of serverless platforms, where a URL without sign-in is open to everyone who learns it. */
const platforms: readonly Platform[] = [
  {
    id: 'aws-lambda',
    name: 'AWS Lambda',
    signIn: 'aws-sigv4',
    host: /\.lambda-url\.[a-z0-9-]{1,40}\.on\.aws$/,
    // 6 MB for the whole event, in which bytes that are no text travel as base64; 15 minutes; ten requests a second for
    // each unit of concurrency. https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
    bodyBytes: 6 * mebi,
    binaryBytes: 4.5 * mebi,
    totalMs: 900_000,
    targetBytes: null,
    callsPerUnit: 10,
  },
  {
    id: 'google-cloud-run',
    name: 'Google Cloud Run',
    signIn: 'google-id-token',
    host: /\.run\.app$/,
    // https://cloud.google.com/run/quotas
    ...unknown,
    bodyBytes: 32 * mebi,
    totalMs: 3_600_000,
  },
  {
    id: 'google-cloud-functions',
    name: 'Google Cloud Functions',
    signIn: 'google-id-token',
    host: /\.cloudfunctions\.net$/,
    // The second generation's; the first takes 10 MB and 9 minutes. https://cloud.google.com/functions/quotas
    ...unknown,
    bodyBytes: 32 * mebi,
    totalMs: 3_600_000,
  },
  {
    id: 'azure-functions',
    name: 'Azure Functions',
    signIn: '{ azure-function-key: "${secret:…}" }',
    host: /\.azurewebsites\.net$/,
    // The load balancer gives up after 230 s, whatever the function does.
    // https://learn.microsoft.com/azure/azure-functions/functions-scale
    ...unknown,
    bodyBytes: 100 * mebi,
    totalMs: 230_000,
    targetBytes: 4_096,
  },
  {
    id: 'vercel',
    name: 'Vercel',
    signIn: '{ header: { name: x-vercel-protection-bypass, value: "${secret:…}" } }',
    host: /\.vercel\.app$/,
    // https://vercel.com/docs/functions/limitations
    ...unknown,
    bodyBytes: 4.5 * mebi,
    totalMs: 800_000,
  },
  {
    id: 'cloudflare-workers',
    name: 'Cloudflare Workers',
    signIn:
      '{ header: [{ name: cf-access-client-id, value: "${secret:…}" }, { name: cf-access-client-secret, value: "${secret:…}" }] }',
    host: /\.workers\.dev$/,
    // https://developers.cloudflare.com/workers/platform/limits/
    ...unknown,
    bodyBytes: 100 * mebi,
  },
  {
    id: 'netlify',
    name: 'Netlify',
    signIn: '{ header: { name: x-gateway-key, value: "${secret:…}" } }',
    host: /\.netlify\.app$/,
    // https://docs.netlify.com/functions/overview/
    ...unknown,
    bodyBytes: 6 * mebi,
  },
]

/** The platform that a host belongs to. */
export function platformOf(host: string): Platform | undefined {
  return platforms.find((each) => each.host.test(host))
}

/** The platform of an upstream, by its host or by its sign-in. */
export function platformOfUpstream({ origin, platform }: UpstreamPlan): Platform | undefined {
  if (platform !== undefined) return platforms.find(({ id }) => id === platform)
  return platformOf(new URL(origin).hostname.replace(/\.$/, ''))
}

/** The platform that a sign-in speaks of, where the host is a name of one's own. */
export function platformBySignIn(auth: UpstreamAuth): PlatformId | undefined {
  if (auth.kind === 'aws-sigv4') return auth.service === 'lambda' ? 'aws-lambda' : undefined
  if (auth.kind === 'google-id-token') return 'google-cloud-run'
  if (auth.kind === 'azure-entra') return 'azure-functions'
  if (auth.kind === 'header' && auth.headers.some(({ name }) => name === 'x-functions-key')) return 'azure-functions'
  return undefined
}
