import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { systemClock } from '../../src/gateway/tools/clock.js'
import { fetchAwsKeys } from '../../src/state/credentials/aws.js'
import { createCredentials } from '../../src/state/credentials/credentials.js'
import { type CredentialNotice, type Fetched, KeptCredential } from '../../src/state/credentials/kept-credential.js'
import { keepAwsEnvironment, setAwsEnvironment } from '../support/aws-environment.js'
import {
  createAwsAccount,
  createGoogleCloud,
  startAzureIdentity,
  startContainerEndpoint,
  startGoogleMetadata,
  startGoogleTokens,
  startInstanceMetadata,
  startSts,
} from '../support/cloud-endpoints.js'

const minute = 60_000

/** A source that a test leads by the hand. */
function ledByHand() {
  let now = 1_800_000_000_000
  const notices: CredentialNotice[] = []
  const waiting: { give: (fetched: Fetched<string>) => void; fail: (why: string) => void }[] = []
  const kept = new KeptCredential<string>({
    source: 'test',
    clock: { now: () => now, monotonic: () => now },
    notify: (notice) => notices.push(notice),
    random: () => 1,
    fetch: () =>
      new Promise((give, reject) => {
        waiting.push({ give, fail: (why) => reject(new Error(why)) })
      }),
  })
  return {
    kept,
    notices,
    waiting,
    now: () => now,
    pass: (ms: number) => {
      now += ms
    },
    settled: () => new Promise((resolve) => setImmediate(resolve)),
  }
}

t.test('nothing is fetched until somebody asks, and then once for all who wait', async (t) => {
  const { kept, waiting, now } = ledByHand()
  t.equal(waiting.length, 0)
  const [first, second] = [kept.get(), kept.get()]
  t.equal(waiting.length, 1)
  waiting[0]?.give({ value: 'a', expiresAt: now() + 60 * minute })
  t.same(await Promise.all([first, second]), ['a', 'a'])
  t.equal(kept.get(), 'a', 'and from then on it is at hand, without a promise')
})

t.test('a credential is renewed before its end, while the old one serves', async (t) => {
  const { kept, waiting, now, pass, settled } = ledByHand()
  const first = kept.get()
  waiting[0]?.give({ value: 'a', expiresAt: now() + 60 * minute })
  await first
  pass(49 * minute)
  t.equal(kept.get(), 'a')
  t.equal(waiting.length, 1, 'not yet')
  pass(2 * minute)
  t.equal(kept.get(), 'a', 'nobody waits for the new one')
  t.equal(kept.get(), 'a')
  t.equal(waiting.length, 2, 'and it is asked for once')
  waiting[1]?.give({ value: 'b', expiresAt: now() + 60 * minute })
  await settled()
  t.equal(kept.get(), 'b')
  t.equal(kept.stats().leftMs, 60 * minute - 2_000)
})

t.test('credentials that live for seconds are renewed in time, and fetched at once when they have ended', async (t) => {
  const { kept, waiting, now, pass, settled } = ledByHand()
  const first = kept.get()
  waiting[0]?.give({ value: 'a', expiresAt: now() + 10_000 })
  await first
  pass(7_000)
  t.equal(kept.get(), 'a')
  t.equal(waiting.length, 2, 'renewed before the end')
  waiting[1]?.give({ value: 'b', expiresAt: now() + 10_000 })
  await settled()
  pass(60_000)
  const later = kept.get()
  t.equal(waiting.length, 3, 'nobody asked for a minute: the next one waits for a fetch, and is not refused')
  waiting[2]?.give({ value: 'c', expiresAt: now() + 10_000 })
  t.equal(await later, 'c')
})

t.test('an outage of the source refuses nobody until the credential ends, and then everybody', async (t) => {
  const { kept, notices, waiting, now, pass, settled } = ledByHand()
  const first = kept.get()
  waiting[0]?.give({ value: 'a', expiresAt: now() + 10 * minute })
  await first
  // The source is down from here on; a request comes every second.
  let served = 0
  let asked = 1
  for (let second = 0; second < 10 * 60 - 3; second++) {
    pass(1_000)
    if (kept.get() === 'a') served++
    for (; asked < waiting.length; asked++) waiting[asked]?.fail('it is down')
    await settled()
  }
  t.equal(served, 10 * 60 - 3)
  t.ok(asked > 4 && asked < 40, `tried anew, without a flood: ${asked} times`)
  t.equal(notices.length, 1, 'said once')
  t.match(notices[0]?.message, /it is down\. Those in hand are good for \d+ s/)
  pass(5_000)
  let refused = kept.get()
  for (; asked < waiting.length; asked++) waiting[asked]?.fail('it is down')
  refused = await refused
  t.match(refused, { fault: 'no-credentials', detail: 'it is down' })
  t.match(kept.get(), { fault: 'no-credentials' }, 'and at once while it rests')
  t.equal(kept.stats().leftMs, null)
  pass(20_000)
  const later = kept.get()
  waiting.at(-1)?.give({ value: 'b', expiresAt: now() + 10 * minute })
  t.equal(await later, 'b', 'it comes back by itself')
  t.match(notices.at(-1), { level: 'info' })
})

t.test('a credential that has ended already is none, and one without an end is looked for again', async (t) => {
  const { kept, waiting, now, pass } = ledByHand()
  const first = kept.get()
  waiting[0]?.give({ value: 'old', expiresAt: now() - 1 })
  t.match(await first, { fault: 'no-credentials', detail: /ended already/ })
  pass(5_000)
  const second = kept.get()
  waiting[1]?.give({ value: 'static', expiresAt: null })
  t.equal(await second, 'static')
  pass(24 * 60 * minute)
  t.equal(kept.get(), 'static')
  t.equal(waiting.length, 3, 'the file it came from may have changed')
})

t.test('a value that the platform refuses is fetched anew, and one that is gone is not', async (t) => {
  const { kept, waiting, now, pass } = ledByHand()
  const first = kept.get()
  waiting[0]?.give({ value: 'a', expiresAt: now() + 60 * minute })
  await first
  kept.doubt('before')
  pass(2_000)
  kept.get()
  t.equal(waiting.length, 1)
  kept.doubt('a')
  kept.doubt('a')
  pass(2_000)
  kept.get()
  t.equal(waiting.length, 2)
})

t.test('the AWS chain', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'postern-aws-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  keepAwsEnvironment(t)
  const within = async (environment: Parameters<typeof setAwsEnvironment>[0]) => {
    setAwsEnvironment(environment)
    return await fetchAwsKeys(AbortSignal.timeout(5_000))
  }
  const account = createAwsAccount()
  const lasting = { secret: 'lasting-secret', until: Number.POSITIVE_INFINITY }
  account.keys.set('AKIALASTING', lasting)
  const sts = await startSts(t, account, {
    webIdentityToken: 'projected-token',
    roleArn: 'arn:aws:iam::111122223333:role/r',
  })
  const metadata = await startInstanceMetadata(t, account, () => 3_600_000)
  const container = await startContainerEndpoint(t, account, 'container-token', () => 3_600_000)

  t.test('takes keys from the environment', async (t) => {
    const { value, expiresAt } = await within({
      AWS_ACCESS_KEY_ID: 'AKIAENV',
      AWS_SECRET_ACCESS_KEY: 's',
      AWS_SESSION_TOKEN: 'tok',
    })
    t.same(value, { accessKeyId: 'AKIAENV', secretAccessKey: 's', sessionToken: 'tok' })
    t.equal(expiresAt, null)
  })

  t.test('takes them from a profile of the shared file', async (t) => {
    const file = join(folder, 'credentials')
    writeFileSync(file, '[gateway]\naws_access_key_id = AKIAPROFILE\naws_secret_access_key = p\n')
    const { value } = await within({ AWS_PROFILE: 'gateway', AWS_SHARED_CREDENTIALS_FILE: file })
    t.equal(value.accessKeyId, 'AKIAPROFILE')
    t.equal(value.sessionToken, null)
  })

  t.test('assumes the role of a profile, with a request that STS verifies', async (t) => {
    const file = join(folder, 'chain')
    writeFileSync(file, '[base]\naws_access_key_id = AKIALASTING\naws_secret_access_key = lasting-secret\n')
    const config = join(folder, 'config')
    writeFileSync(
      config,
      '[profile gateway]\nrole_arn = arn:aws:iam::111122223333:role/r\nsource_profile = base\nregion = eu-west-1\n',
    )
    const { value, expiresAt } = await within({
      AWS_PROFILE: 'gateway',
      AWS_SHARED_CREDENTIALS_FILE: file,
      AWS_CONFIG_FILE: config,
      AWS_ENDPOINT_URL_STS: sts.url,
    })
    t.equal(account.keys.get(value.accessKeyId)?.token, value.sessionToken)
    t.ok(expiresAt !== null && expiresAt > Date.now())
  })

  t.test('shows a web identity token to STS', async (t) => {
    const file = join(folder, 'token')
    writeFileSync(file, 'projected-token')
    const env = {
      AWS_ROLE_ARN: 'arn:aws:iam::111122223333:role/r',
      AWS_WEB_IDENTITY_TOKEN_FILE: file,
      AWS_ENDPOINT_URL_STS: sts.url,
    }
    const { value } = await within(env)
    t.equal(account.keys.get(value.accessKeyId)?.token, value.sessionToken)
    writeFileSync(file, 'a-foreign-token')
    await t.rejects(within(env), 'and gets nothing for another')
  })

  t.test('asks the endpoint of a container with its token', async (t) => {
    const env = { AWS_CONTAINER_CREDENTIALS_FULL_URI: `${container.url}/v1/credentials` }
    const { value } = await within({ ...env, AWS_CONTAINER_AUTHORIZATION_TOKEN: 'container-token' })
    t.equal(account.keys.get(value.accessKeyId)?.token, value.sessionToken)
    await t.rejects(within({ ...env, AWS_CONTAINER_AUTHORIZATION_TOKEN: 'wrong' }))
  })

  t.test('asks instance metadata by version 2, and never by version 1', async (t) => {
    const env = { AWS_EC2_METADATA_SERVICE_ENDPOINT: metadata.url, AWS_EC2_METADATA_DISABLED: 'false' }
    const { value } = await within(env)
    t.equal(account.keys.get(value.accessKeyId)?.token, value.sessionToken)
    const answer = metadata.answer
    metadata.answer = (request, response, message) => {
      if (request.method !== 'PUT') return answer(request, response, message)
      response.writeHead(403)
      response.end()
    }
    const asked = metadata.requests.length
    await t.rejects(within(env))
    t.ok(
      metadata.requests.slice(asked).every(({ method }) => method === 'PUT'),
      'no request went without a token',
    )
  })

  t.test('says so where it finds nothing', async (t) => {
    await t.rejects(within({}), /Could not load credentials from any providers|EC2 Metadata/)
  })
})

t.test('ID tokens of Google', async (t) => {
  const cloud = createGoogleCloud()
  const folder = mkdtempSync(join(tmpdir(), 'postern-google-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const metadata = await startGoogleMetadata(t, cloud)
  const tokens = await startGoogleTokens(t, cloud)
  const audience = 'https://catalog-xyz-ew.a.run.app'
  const keyFile = join(folder, 'key.json')
  const write = (file: object): void => writeFileSync(keyFile, JSON.stringify(file))
  const open = (cloudSettings: object) => createCredentials({ clock: systemClock, cloud: cloudSettings })
  const asBearer = (token: unknown): string => `Bearer ${String(token)}`

  t.test('come from the metadata server, one for each audience', async (t) => {
    const credentials = open({ googleMetadataHost: new URL(metadata.url).host })
    const token = await credentials.googleIdToken(audience).get()
    t.equal(await cloud.fault(asBearer(token), audience), null)
    t.match(await cloud.fault(asBearer(token), 'https://other.a.run.app'), /aud/)
    t.equal(credentials.googleIdToken(audience).get(), token, 'kept until shortly before its end')
    t.not(await credentials.googleIdToken('https://other.a.run.app').get(), token)
    t.equal(metadata.requests.length, 2)
  })

  t.test('are not taken from whoever answers under that name', async (t) => {
    const stranger = await startGoogleTokens(t, cloud)
    stranger.answer = (_request, response) => response.end('a.b.c')
    const credentials = open({ googleMetadataHost: new URL(stranger.url).host })
    t.match(await credentials.googleIdToken(audience).get(), { fault: 'no-credentials', detail: /no metadata server/ })
  })

  t.test('are not sent when they name somebody else', async (t) => {
    const confused = await startGoogleMetadata(t, cloud)
    confused.answer = (_request, response) => {
      response.setHeader('metadata-flavor', 'Google')
      void cloud.idToken('https://other.a.run.app', 60).then((token) => response.end(token))
    }
    const credentials = open({ googleMetadataHost: new URL(confused.url).host })
    t.match(await credentials.googleIdToken(audience).get(), { detail: /is for .*other/ })
  })

  t.test('are exchanged for the assertion of a service-account key', async (t) => {
    const { privateKey } = cloud.account
    const file = {
      type: 'service_account',
      client_email: 'gateway@project.iam.gserviceaccount.com',
      private_key_id: 'k1',
      private_key: privateKey.export({ type: 'pkcs8', format: 'pem' }),
      token_uri: `${tokens.url}/token`,
    }
    write(file)
    const token = await open({ googleCredentialsFile: keyFile }).googleIdToken(audience).get()
    t.equal(await cloud.fault(asBearer(token), audience), null)
    write({ ...file, private_key: cloud.google.privateKey.export({ type: 'pkcs8', format: 'pem' }) })
    const refused = await open({ googleCredentialsFile: keyFile }).googleIdToken(audience).get()
    t.match(refused, { detail: /answered 400/ }, 'another key is refused there')
    write({ ...file, token_uri: 'http://oauth2.example.com/token' })
    const plain = await open({ googleCredentialsFile: keyFile }).googleIdToken(audience).get()
    t.match(plain, { detail: /over https or not at all/ })
  })

  t.test('come by workload identity federation', async (t) => {
    const subject = join(folder, 'subject.json')
    writeFileSync(subject, '{"access_token":"token-of-another-cloud"}')
    const file = {
      type: 'external_account',
      audience: '//iam/pool',
      subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
      token_url: `${tokens.url}/v1/token`,
      service_account_impersonation_url: `${tokens.url}/v1/projects/-/serviceAccounts/gateway:generateAccessToken`,
      credential_source: { file: subject, format: { type: 'json', subject_token_field_name: 'access_token' } },
    }
    write(file)
    const token = await open({ googleCredentialsFile: keyFile }).googleIdToken(audience).get()
    t.equal(await cloud.fault(asBearer(token), audience), null)
    write({ ...file, service_account_impersonation_url: undefined })
    t.match(await open({ googleCredentialsFile: keyFile }).googleIdToken(audience).get(), {
      detail: /no service account/,
    })
    write({ ...file, credential_source: { environment_id: 'aws1' } })
    t.match(await open({ googleCredentialsFile: keyFile }).googleIdToken(audience).get(), {
      detail: /neither a file nor a URL/,
    })
    write({ type: 'authorized_user' })
    t.match(await open({ googleCredentialsFile: keyFile }).googleIdToken(audience).get(), {
      detail: /neither a service-account/,
    })
  })
})

t.test('tokens of the managed identity in Azure', async (t) => {
  let life = 3_600
  const identity = await startAzureIdentity(t, 'app-secret', () => life)
  const resource = 'api://orders'
  const appService = createCredentials({
    clock: systemClock,
    cloud: { azureIdentity: { endpoint: `${identity.url}/msi/token`, secret: 'app-secret' } },
  })
  t.equal(await appService.azureToken(resource, null).get(), 'api://orders#system#1')
  t.equal(appService.azureToken(resource, null).get(), 'api://orders#system#1')
  const clientId = '0d9d2f6a-0000-4000-8000-4b6a5d3e2f1c'
  t.equal(await appService.azureToken(resource, clientId).get(), `api://orders#${clientId}#2`)

  const machine = createCredentials({ clock: systemClock, cloud: { azureMetadataOrigin: identity.url } })
  t.equal(await machine.azureToken(resource, null).get(), 'api://orders#system#3')

  const wrong = createCredentials({
    clock: systemClock,
    cloud: { azureIdentity: { endpoint: `${identity.url}/msi/token`, secret: 'another' } },
  })
  const refused = await wrong.azureToken(resource, null).get()
  t.match(refused, { fault: 'no-credentials', detail: /answered 400/ })
  t.notMatch(JSON.stringify(refused), /another|bad_request/, 'no secret, and nothing that the endpoint sent')
  life = -10
  t.match(await machine.azureToken('api://other', null).get(), { detail: /ended already/ })
})
