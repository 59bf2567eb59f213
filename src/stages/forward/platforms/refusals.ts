import type { PlatformId } from '../../../plan/plan.js'
import type { Answer } from '../../contract.js'
import { headerOf } from './sign-in.js'

/** An answer of the platform's own, in the function's place. */
export interface Refusal {
  readonly kind: 'denied' | 'throttled' | 'tooLarge' | 'timeout'
  /** The platform's word for it; empty where it has none. */
  readonly word: string
  /** For the operator: what mends it. */
  readonly hint: string
}

type Judge = (answer: Answer) => Refusal | null | Promise<Refusal | null>

/** Enough of a body to know a platform's page by. */
const lookBytes = 1_024

/**
 * What tells a platform's refusals from its functions' answers; null where nothing does. Only marks that a function does
 * not make by itself count: a 429 or 403 of the function's own goes to the caller as it is.
 */
export function refusalsOf(platform: PlatformId | undefined): Judge | null {
  switch (platform) {
    case 'aws-lambda':
      return byErrorType
    case 'google-cloud-run':
    case 'google-cloud-functions':
      return byText(googleTexts)
    case 'azure-functions':
      return byText(azureTexts)
    case 'vercel':
      return byVercelError
    case 'cloudflare-workers':
      return byAccessLogin
    default:
      return null
  }
}

/** Lambda's error type comes in a header that functions cannot set: theirs come back renamed. */
function byErrorType({ status, headers }: Answer): Refusal | null {
  if (status < 400) return null
  const type = headerOf(headers, 'x-amzn-errortype')
  if (type === undefined) return null
  const word = /^[A-Za-z]{1,64}/.exec(type)?.[0] ?? ''
  if (status === 429) return { kind: 'throttled', word, hint: awsThrottled }
  if (status === 413 || word.startsWith('RequestEntityTooLarge') || word.startsWith('RequestTooLarge')) {
    return { kind: 'tooLarge', word, hint: 'Lambda takes 6 MB in one request: lower request.maxBytes.' }
  }
  if (status === 504 || /Time(d?out|out)/i.test(word)) {
    return {
      kind: 'timeout',
      word,
      hint: 'The function ran into its own timeout (at most 15 min): raise it, or do less.',
    }
  }
  if (status === 403 || status === 401) {
    return { kind: 'denied', word, hint: awsDenied.find(([words]) => words.test(word))?.[1] ?? awsPermission }
  }
  return null
}

const awsThrottled =
  'The function runs as many calls as its concurrency allows: raise what is reserved, or lower the limits of its routes.'
const awsPermission =
  'The gateway needs two permissions on the function, lambda:InvokeFunctionUrl and lambda:InvokeFunction, in its own policy and, across accounts, in that of the function: postern iam print.'
const awsDenied: readonly (readonly [RegExp, string])[] = [
  [
    /^(InvalidSignature|SignatureDoesNotMatch|IncompleteSignature)/,
    'The signature was not taken: check region and service of the upstream, and the clock of this machine.',
  ],
  [
    /^(ExpiredToken|UnrecognizedClient|InvalidClientTokenId)/,
    'The keys are not known to AWS, or no longer: check where the credential chain finds them.',
  ],
  [/^MissingAuthenticationToken/, 'No signature arrived: something between strips the Authorization header.'],
]

interface PlatformText {
  readonly status: readonly number[]
  readonly text: RegExp
  readonly kind: Refusal['kind']
  readonly hint: string
}

/** As Google's front end words them. https://cloud.google.com/run/docs/troubleshooting */
const googleTexts: readonly PlatformText[] = [
  {
    status: [401, 403],
    text: /not authorized to invoke this service|does not have permission to get URL|Your client does not have permission/,
    kind: 'denied',
    hint: 'Give the service account of the gateway the role run.invoker on this service, and check the audience: postern iam print.',
  },
  {
    status: [429, 500, 503],
    text: /Rate exceeded|no available instance/,
    kind: 'throttled',
    hint: 'The service has no instance free: raise its maximum, or lower the limits of its routes.',
  },
  {
    status: [413],
    text: /Error 413 \(Request Entity Too Large\)|payload size exceeds the limit/,
    kind: 'tooLarge',
    hint: 'Cloud Run takes 32 MiB in one request: lower request.maxBytes.',
  },
  {
    status: [504],
    text: /upstream request timeout|The request has been terminated because it has reached the maximum request timeout/,
    kind: 'timeout',
    hint: 'The service ran into its own request timeout (300 s unless set). The instance works on, so another try doubles the work.',
  },
]

/** As App Service words them. https://learn.microsoft.com/azure/azure-functions/functions-scale */
const azureTexts: readonly PlatformText[] = [
  {
    status: [401, 403],
    text: /You do not have permission to view this directory or page|Ip Forbidden|web app is stopped/,
    kind: 'denied',
    hint: 'App Service refused before the function: check that it runs, its access restrictions, and that its sign-in admits the identity of the gateway.',
  },
  {
    status: [503],
    text: /Function host is not running/,
    kind: 'throttled',
    hint: 'The function host is not running: look at the logs of the function app.',
  },
  {
    status: [500, 502, 504],
    text: /The request timed out|did not receive a timely response/,
    kind: 'timeout',
    hint: 'The load balancer of Azure gives up after 230 s while the function works on: do longer work in a queue.',
  },
]

function byText(table: readonly PlatformText[]): Judge {
  const statuses = new Set(table.flatMap(({ status }) => status))
  return (answer) => {
    if (!statuses.has(answer.status) || !answer.hasBody) return null
    return answer.peek(lookBytes).then((bytes) => {
      const text = bytes.toString('latin1', 0, lookBytes)
      const found = table.find((each) => each.status.includes(answer.status) && each.text.test(text))
      return found === undefined ? null : { kind: found.kind, word: '', hint: found.hint }
    })
  }
}

/** https://vercel.com/docs/errors */
function byVercelError({ status, headers }: Answer): Refusal | null {
  if (status < 400) return null
  const word = headerOf(headers, 'x-vercel-error') ?? ''
  if (/TIMEOUT/.test(word)) {
    return {
      kind: 'timeout',
      word: clean(word),
      hint: 'The function ran into its maximum duration: raise maxDuration, or do less.',
    }
  }
  if (/TOO_LARGE/.test(word)) {
    return { kind: 'tooLarge', word: clean(word), hint: 'Vercel takes 4.5 MB in one request: lower request.maxBytes.' }
  }
  if (/THROTTLED|RATE_LIMIT/.test(word)) {
    return { kind: 'throttled', word: clean(word), hint: 'The project runs as many functions as its plan allows.' }
  }
  return null
}

function clean(word: string): string {
  return word.replace(/[^A-Z_]/g, '').slice(0, 64)
}

/** Whom Access does not know, it sends to its login page. */
function byAccessLogin({ status, headers }: Answer): Refusal | null {
  const location = status === 302 ? (headerOf(headers, 'location') ?? '') : ''
  if (!/^https:\/\/[a-z0-9-]{1,63}\.cloudflareaccess\.com\//.test(location)) return null
  return {
    kind: 'denied',
    word: '',
    hint: 'Access does not know the service token, or its policy has another action than Service Auth.',
  }
}
