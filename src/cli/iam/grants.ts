import type { Plan, UpstreamPlan } from '../../plan/plan.js'

/** What must be allowed so that the gateway reaches the functions of a plan, and nothing more. */
export interface Grants {
  /** The policy of the gateway's own role; null without functions on AWS. */
  readonly aws: AwsPolicy | null
  /** What each function says of who may call it: needed when role and function are in different accounts. */
  readonly awsResourcePolicies: readonly {
    readonly upstream: string
    readonly function: string
    readonly policy: AwsPolicy
  }[]
  readonly google: readonly {
    readonly upstream: string
    readonly service: string
    readonly role: string
    readonly command: string
  }[]
  readonly azure: readonly { readonly upstream: string; readonly app: string; readonly steps: readonly string[] }[]
  /** Upstreams that do not say which function they are: their lines hold words in capitals to fill in. */
  readonly unnamed: readonly string[]
}

export interface AwsPolicy {
  readonly Version: '2012-10-17'
  readonly Statement: readonly object[]
}

/** @param principal who the gateway is: the ARN of its role, the e-mail of its service account, the object id of its identity. */
export function grantsOf(plan: Plan, principal: string | undefined): Grants {
  const upstreams = Object.values(plan.upstreams)
  const onAws = upstreams.filter(({ auth }) => auth.kind === 'aws-sigv4' && auth.service === 'lambda')
  const onGoogle = upstreams.filter(({ auth }) => auth.kind === 'google-id-token')
  const onAzure = upstreams.filter(({ auth }) => auth.kind === 'azure-entra')
  const arns = [...new Set(onAws.map(arnOf))].sort()
  return {
    aws: arns.length === 0 ? null : { Version: '2012-10-17', Statement: statements(arns, undefined) },
    awsResourcePolicies: onAws.map((upstream) => {
      const role = principal ?? 'arn:aws:iam::ACCOUNT_ID:role/GATEWAY_ROLE'
      const policy = { Version: '2012-10-17', Statement: statements([arnOf(upstream)], role) } as const
      return { upstream: upstream.name, function: arnOf(upstream), policy }
    }),
    google: onGoogle.map((upstream) => ({ upstream: upstream.name, ...invokerOf(upstream, principal) })),
    azure: onAzure.map((upstream) => ({ upstream: upstream.name, ...entraOf(upstream, principal) })),
    unnamed: [...onAws, ...onGoogle, ...onAzure]
      .filter((upstream) => upstream.function === undefined)
      .map(({ name }) => name),
  }
}

function arnOf({ function: name, auth }: UpstreamPlan): string {
  const region = auth.kind === 'aws-sigv4' ? auth.region : 'REGION'
  return name ?? `arn:aws:lambda:${region}:ACCOUNT_ID:function:FUNCTION_NAME`
}

/**
 * Both actions, each tied to calls through a URL that asks for a signature: without the conditions the role could also call
 * the function directly, past its URL.
 * https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html
 */
function statements(arns: readonly string[], principal: string | undefined): object[] {
  const who = principal === undefined ? {} : { Principal: { AWS: principal } }
  return [
    {
      Sid: 'CallFunctionUrls',
      Effect: 'Allow',
      ...who,
      Action: 'lambda:InvokeFunctionUrl',
      Resource: arns,
      Condition: { StringEquals: { 'lambda:FunctionUrlAuthType': 'AWS_IAM' } },
    },
    {
      Sid: 'RunBehindTheirUrls',
      Effect: 'Allow',
      ...who,
      Action: 'lambda:InvokeFunction',
      Resource: arns,
      Condition: { Bool: { 'lambda:InvokedViaFunctionUrl': 'true' } },
    },
  ]
}

function invokerOf({ function: name }: UpstreamPlan, principal = 'GATEWAY@PROJECT.iam.gserviceaccount.com') {
  const [, project = 'PROJECT', location = 'REGION', service = 'SERVICE'] =
    /^projects\/([^/]+)\/locations\/([^/]+)\/services\/([^/]+)$/.exec(name ?? '') ?? []
  const role = 'roles/run.invoker'
  return {
    service: `projects/${project}/locations/${location}/services/${service}`,
    role,
    command: `gcloud run services add-iam-policy-binding ${service} --project=${project} --region=${location} --member=serviceAccount:${principal} --role=${role}`,
  }
}

/**
 * The sign-in of App Service admits identities; a role in the subscription would let the gateway change the app, and none
 * is needed to call it.
 * https://learn.microsoft.com/azure/app-service/configure-authentication-provider-aad
 */
function entraOf({ function: name, auth }: UpstreamPlan, principal = 'OBJECT_ID_OF_THE_GATEWAY') {
  const app = name ?? '/subscriptions/SUBSCRIPTION/resourceGroups/GROUP/providers/Microsoft.Web/sites/APP'
  const audience = auth.kind === 'azure-entra' ? auth.resource : ''
  return {
    app,
    steps: [
      'No role in the subscription: calling a function app needs none, and Contributor would let the gateway change it.',
      `In ${app}/config/authsettingsV2: requireAuthentication true, unauthenticatedClientAction Return401.`,
      `identityProviders.azureActiveDirectory.validation.allowedAudiences: ["${audience}"]`,
      `identityProviders.azureActiveDirectory.validation.defaultAuthorizationPolicy.allowedPrincipals.identities: ["${principal}"]`,
    ],
  }
}
