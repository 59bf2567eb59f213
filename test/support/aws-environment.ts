import { join } from 'node:path'

/** What the AWS chain reads; the machine that runs the tests may have any of them. */
const variables = [
  'AWS_ACCESS_KEY_ID',
  'AWS_SECRET_ACCESS_KEY',
  'AWS_SESSION_TOKEN',
  'AWS_PROFILE',
  'AWS_CONFIG_FILE',
  'AWS_SHARED_CREDENTIALS_FILE',
  'AWS_ROLE_ARN',
  'AWS_WEB_IDENTITY_TOKEN_FILE',
  'AWS_CONTAINER_CREDENTIALS_FULL_URI',
  'AWS_CONTAINER_AUTHORIZATION_TOKEN',
  'AWS_EC2_METADATA_SERVICE_ENDPOINT',
  'AWS_ENDPOINT_URL_STS',
  'AWS_REGION',
  'AWS_EC2_METADATA_DISABLED',
] as const

type AwsEnvironment = Partial<Record<(typeof variables)[number], string>>

/** Gives the AWS chain of this process exactly this environment. */
export function setAwsEnvironment(environment: AwsEnvironment): void {
  for (const name of variables) delete process.env[name]
  const nowhere = join('/', 'nonexistent', 'aws')
  const bare = { AWS_CONFIG_FILE: nowhere, AWS_SHARED_CREDENTIALS_FILE: nowhere, AWS_EC2_METADATA_DISABLED: 'true' }
  Object.assign(process.env, { ...bare, AWS_REGION: 'eu-west-1' }, environment)
}

/** Gives the machine its own environment back when the test is over. */
export function keepAwsEnvironment(t: { teardown(done: () => void): void }): void {
  const before = new Map(variables.map((name) => [name, process.env[name]]))
  t.teardown(() => {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name]
      else process.env[name] = value
    }
  })
}
