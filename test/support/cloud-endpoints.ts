import { generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { jwtVerify, SignJWT } from 'jose'
import { signatureFault } from './sigv4-verifier.js'
import { type ReceivedRequest, startUpstream, type TestUpstream } from './upstream.js'

type Test = Parameters<typeof startUpstream>[0]

/** What AWS hands out, and who may use it. */
export interface AwsAccount {
  /** Every key that is good now: access key → secret and session token. */
  readonly keys: Map<string, { readonly secret: string; readonly token?: string; readonly until: number }>
  /** New temporary keys. */
  issue(
    lifeMs: number,
    now?: number,
  ): { AccessKeyId: string; SecretAccessKey: string; Token: string; Expiration: string }
}

export function createAwsAccount(now: () => number = Date.now): AwsAccount {
  const keys: AwsAccount['keys'] = new Map()
  return {
    keys,
    issue(lifeMs, at = now()) {
      const id = `ASIA${randomBytes(8).toString('hex').toUpperCase()}`
      const secret = randomBytes(30).toString('base64')
      const token = randomBytes(60).toString('base64')
      keys.set(id, { secret, token, until: at + lifeMs })
      return {
        AccessKeyId: id,
        SecretAccessKey: secret,
        Token: token,
        Expiration: `${new Date(at + lifeMs).toISOString().slice(0, 19)}Z`,
      }
    },
  }
}

/** A function URL with `AWS_IAM`: it judges every signature by the bytes that arrived, and answers as Lambda would. */
export interface SignedFunction extends TestUpstream {
  /** What was refused, and why. */
  readonly refusals: string[]
  /** What passed. */
  readonly admitted: ReceivedRequest[]
  /** How far its clock is from ours, in ms. */
  clockOffsetMs: number
  run: TestUpstream['answer']
}

export async function startSignedFunction(
  t: Test,
  account: AwsAccount,
  options: { readonly now?: () => number } = {},
): Promise<SignedFunction> {
  const { now = Date.now } = options
  const upstream = await startUpstream(t)
  const fn: SignedFunction = Object.assign(upstream, {
    refusals: [],
    admitted: [],
    clockOffsetMs: 0,
    run: upstream.answer,
  })
  upstream.answer = (request, response, message) => {
    const at = now() + fn.clockOffsetMs
    response.setHeader('x-amzn-requestid', '5f7f6a2c-0000-4000-8000-0d9c4b3a2f1e')
    response.sendDate = false
    response.setHeader('date', new Date(at).toUTCString())
    const fault = signatureFault(
      { method: request.method, target: request.url, rawHeaders: request.rawHeaders, body: request.body },
      {
        keyOf: (id) => {
          const known = account.keys.get(id)
          return known === undefined || known.until <= at ? undefined : known
        },
        region: 'eu-west-1',
        service: 'lambda',
        now: at,
      },
    )
    if (fault === null) {
      fn.admitted.push(request)
      return fn.run(request, response, message)
    }
    fn.refusals.push(fault)
    refuseAsLambda(response, fault)
  }
  return fn
}

function refuseAsLambda(response: ServerResponse, fault: string): void {
  const type = /access key|token/.test(fault) ? 'UnrecognizedClientException' : 'InvalidSignatureException'
  response.writeHead(403, {
    'content-type': 'application/json',
    'x-amzn-errortype': fault === 'no signature' ? 'AccessDeniedException' : type,
  })
  response.end('{"Message":"Forbidden. For troubleshooting Function URL authorization issues, see the guide"}')
}

/** ECS and EKS: keys for whoever shows the container's own token. */
export async function startContainerEndpoint(
  t: Test,
  account: AwsAccount,
  token: string,
  lifeMs: () => number,
): Promise<TestUpstream> {
  const endpoint = await startUpstream(t)
  endpoint.answer = (request, response) => {
    if (request.headers.authorization !== token) return end(response, 401, '{"message":"who are you"}')
    end(response, 200, JSON.stringify(account.issue(lifeMs())))
  }
  return endpoint
}

/** Instance metadata, version 2 alone: without a session token there is nothing. */
export async function startInstanceMetadata(t: Test, account: AwsAccount, lifeMs: () => number): Promise<TestUpstream> {
  const session = randomBytes(20).toString('base64url')
  const endpoint = await startUpstream(t)
  endpoint.answer = (request, response) => {
    if (request.url === '/latest/api/token') {
      const asked = request.method === 'PUT' && request.headers['x-aws-ec2-metadata-token-ttl-seconds'] !== undefined
      return asked ? end(response, 200, session) : end(response, 405, '')
    }
    if (request.headers['x-aws-ec2-metadata-token'] !== session) return end(response, 401, '')
    const path = '/latest/meta-data/iam/security-credentials/'
    if (request.url === path) return end(response, 200, 'gateway-role')
    if (request.url !== `${path}gateway-role`) return end(response, 404, '')
    end(response, 200, JSON.stringify({ Code: 'Success', Type: 'AWS-HMAC', ...account.issue(lifeMs()) }))
  }
  return endpoint
}

/** STS: `AssumeRoleWithWebIdentity` for a known token, `AssumeRole` for a request that is signed. */
export async function startSts(
  t: Test,
  account: AwsAccount,
  admits: { readonly webIdentityToken?: string; readonly roleArn: string },
): Promise<TestUpstream> {
  const endpoint = await startUpstream(t)
  endpoint.answer = (request, response) => {
    const form = new URLSearchParams(request.body.toString())
    const action = form.get('Action') ?? ''
    const isSigned =
      signatureFault(
        { method: request.method, target: request.url, rawHeaders: request.rawHeaders, body: request.body },
        { keyOf: (id) => account.keys.get(id), region: 'eu-west-1', service: 'sts', now: Date.now() },
      ) === null
    const mayCome =
      action === 'AssumeRoleWithWebIdentity' ? form.get('WebIdentityToken') === admits.webIdentityToken : isSigned
    if (!mayCome || form.get('RoleArn') !== admits.roleArn) {
      return end(
        response,
        403,
        '<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>',
      )
    }
    const { AccessKeyId, SecretAccessKey, Token, Expiration } = account.issue(3_600_000)
    response.setHeader('content-type', 'text/xml')
    end(
      response,
      200,
      `<${action}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><${action}Result><Credentials><AccessKeyId>${AccessKeyId}</AccessKeyId><SecretAccessKey>${SecretAccessKey}</SecretAccessKey><SessionToken>${Token}</SessionToken><Expiration>${Expiration}</Expiration></Credentials><AssumedRoleUser><Arn>arn:aws:sts::111122223333:assumed-role/r/s</Arn><AssumedRoleId>AROA:s</AssumedRoleId></AssumedRoleUser></${action}Result></${action}Response>`,
    )
  }
  return endpoint
}

/** Google's part: it signs ID tokens, and a service judges them. */
export interface GoogleCloud {
  /** Keys of Google itself, and of the service account. */
  readonly google: { readonly publicKey: KeyObject; readonly privateKey: KeyObject }
  readonly account: { readonly publicKey: KeyObject; readonly privateKey: KeyObject }
  idToken(audience: string, lifeSeconds: number): Promise<string>
  /** Null: the token is good for this audience now. */
  fault(authorization: string | undefined, audience: string): Promise<string | null>
}

export function createGoogleCloud(): GoogleCloud {
  const google = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const account = generateKeyPairSync('rsa', { modulusLength: 2048 })
  return {
    google,
    account,
    idToken: (audience, lifeSeconds) =>
      new SignJWT({ email: 'gateway@project.iam.gserviceaccount.com', jti: randomBytes(8).toString('hex') })
        .setProtectedHeader({ alg: 'RS256' })
        .setIssuer('https://accounts.google.com')
        .setAudience(audience)
        .setExpirationTime(Math.floor(Date.now() / 1000) + lifeSeconds)
        .sign(google.privateKey),
    async fault(authorization, audience) {
      const token = /^Bearer (.+)$/.exec(authorization ?? '')?.[1]
      if (token === undefined) return 'no token'
      try {
        await jwtVerify(token, google.publicKey, {
          issuer: 'https://accounts.google.com',
          audience,
          requiredClaims: ['exp'],
        })
        return null
      } catch (error) {
        return error instanceof Error ? error.message : 'no good'
      }
    },
  }
}

/** The metadata server of Google's machines. */
export async function startGoogleMetadata(t: Test, cloud: GoogleCloud, lifeSeconds = 3_600): Promise<TestUpstream> {
  const endpoint = await startUpstream(t)
  endpoint.answer = (request, response) => {
    const url = new URL(request.url, endpoint.url)
    const isAsked = url.pathname === '/computeMetadata/v1/instance/service-accounts/default/identity'
    if (request.headers['metadata-flavor'] !== 'Google' || !isAsked) return end(response, 403, '')
    response.setHeader('metadata-flavor', 'Google')
    void cloud.idToken(url.searchParams.get('audience') ?? '', lifeSeconds).then((token) => end(response, 200, token))
  }
  return endpoint
}

/** Google's token endpoint for service-account keys: the assertion must be the account's own, and name us. */
export async function startGoogleTokens(t: Test, cloud: GoogleCloud): Promise<TestUpstream> {
  const endpoint = await startUpstream(t)
  endpoint.answer = (request, response) => {
    void (async () => {
      if (request.url === '/v1/token') {
        const form = new URLSearchParams(request.body.toString())
        const isGood = form.get('subject_token') === 'token-of-another-cloud' && form.get('audience') === '//iam/pool'
        return end(
          response,
          isGood ? 200 : 400,
          JSON.stringify(isGood ? { access_token: 'federated' } : { error: 'x' }),
        )
      }
      if (request.url.endsWith(':generateIdToken')) {
        if (request.headers.authorization !== 'Bearer federated') return end(response, 401, '{}')
        const { audience } = JSON.parse(request.body.toString())
        return end(response, 200, JSON.stringify({ token: await cloud.idToken(String(audience), 3_600) }))
      }
      try {
        const form = new URLSearchParams(request.body.toString())
        const { payload } = await jwtVerify(form.get('assertion') ?? '', cloud.account.publicKey, {
          audience: `${endpoint.url}/token`,
          issuer: 'gateway@project.iam.gserviceaccount.com',
          requiredClaims: ['exp', 'iat', 'target_audience'],
        })
        const token = await cloud.idToken(String(payload['target_audience']), 3_600)
        end(response, 200, JSON.stringify({ id_token: token }))
      } catch {
        end(response, 400, '{"error":"invalid_grant"}')
      }
    })()
  }
  return endpoint
}

/** App Service's identity endpoint and the instance metadata of Azure, in one. */
export async function startAzureIdentity(t: Test, secret: string, lifeSeconds: () => number): Promise<TestUpstream> {
  const endpoint = await startUpstream(t)
  let number = 0
  endpoint.answer = (request, response) => {
    const url = new URL(request.url, endpoint.url)
    const isAppService = url.pathname === '/msi/token'
    const mayCome = isAppService
      ? request.headers['x-identity-header'] === secret && url.searchParams.get('api-version') === '2019-08-01'
      : request.headers['metadata'] === 'true' && url.searchParams.get('api-version') === '2018-02-01'
    if (!mayCome) return end(response, 400, '{"error":"bad_request"}')
    number++
    const expires = Math.floor(Date.now() / 1000) + lifeSeconds()
    const token = `${url.searchParams.get('resource')}#${url.searchParams.get('client_id') ?? 'system'}#${number}`
    end(response, 200, JSON.stringify({ access_token: token, expires_on: String(expires), token_type: 'Bearer' }))
  }
  return endpoint
}

function end(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status)
  response.end(body)
}
