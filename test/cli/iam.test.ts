import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import t from 'tap'
import { createAwsAccount, startSignedFunction } from '../support/cloud-endpoints.js'
import { startUpstream } from '../support/upstream.js'
import { postern } from './command-line.js'

function folderOf(t: { teardown(done: () => void): void }, files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'postern-iam-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), text)
  }
  return folder
}

const policies = `
upstreams:
  orders-fn:
    url: https://abc123.lambda-url.eu-west-1.on.aws
    auth: aws-sigv4
    function: arn:aws:lambda:eu-west-1:111122223333:function:orders
  stock-fn: { url: "https://def456.lambda-url.eu-west-1.on.aws", auth: aws-sigv4 }
  catalog-fn:
    url: https://catalog-xyz-ew.a.run.app
    auth: google-id-token
    function: projects/shop-1234/locations/europe-west1/services/catalog
  shop-fn: { url: "https://shop.azurewebsites.net", auth: { azure-entra: { resource: "api://shop" } } }
  local-fn: { url: "http://127.0.0.1:9000", auth: none }
routes:
  GET /a: { upstream: orders-fn, auth: none, reason: a test }
  GET /b: { upstream: stock-fn, auth: none, reason: a test }
  GET /c: { upstream: catalog-fn, auth: none, reason: a test }
  GET /d: { upstream: shop-fn, auth: none, reason: a test }
  GET /e: { upstream: local-fn, auth: none, reason: a test }
`

t.test('iam print grants both Lambda actions on exactly the functions of the folder', async (t) => {
  const cwd = folderOf(t, { 'policies/routes.yaml': policies })
  const role = 'arn:aws:iam::111122223333:role/gateway'
  const { code, out } = await postern(['iam', 'print', 'policies', '--json', '--principal', role], { cwd })
  t.equal(code, 0)
  const grants = JSON.parse(out)
  const arns = [
    'arn:aws:lambda:eu-west-1:111122223333:function:orders',
    'arn:aws:lambda:eu-west-1:ACCOUNT_ID:function:FUNCTION_NAME',
  ]
  t.match(grants.aws.Statement, [
    {
      Action: 'lambda:InvokeFunctionUrl',
      Resource: arns,
      Condition: { StringEquals: { 'lambda:FunctionUrlAuthType': 'AWS_IAM' } },
    },
    {
      Action: 'lambda:InvokeFunction',
      Resource: arns,
      Condition: { Bool: { 'lambda:InvokedViaFunctionUrl': 'true' } },
    },
  ])
  t.match(grants.awsResourcePolicies[0], {
    upstream: 'orders-fn',
    policy: { Statement: [{ Principal: { AWS: role }, Resource: [arns[0]] }] },
  })
  t.match(grants.google, [
    { service: 'projects/shop-1234/locations/europe-west1/services/catalog', role: 'roles/run.invoker' },
  ])
  t.match(grants.azure, [
    { upstream: 'shop-fn', steps: [/No role/, /authsettingsV2/, /api:\/\/shop/, /allowedPrincipals/] },
  ])
  t.same(grants.unnamed, ['stock-fn', 'shop-fn'])
  t.notMatch(out, /"Resource": "\*"|"\*"/, 'and no wildcard anywhere')

  const human = await postern(['iam', 'print', 'policies'], { cwd })
  t.match(human.out, /gcloud run services add-iam-policy-binding catalog --project=shop-1234 --region=europe-west1/)
  t.match(human.err, /stock-fn, shop-fn do not say which function/)
})

t.test('a function that is named wrongly is refused with its line', async (t) => {
  const line = (name: string): string =>
    `upstreams:\n  fn: { url: "https://abc.lambda-url.eu-west-1.on.aws", auth: aws-sigv4, function: "${name}" }\nroutes:\n  GET /a: { upstream: fn, auth: none, reason: a test }\n`
  for (const name of [
    'arn:aws:lambda:eu-west-1:111122223333:function:*',
    'orders',
    'arn:aws:lambda:us-east-1:111122223333:function:orders',
  ]) {
    const cwd = folderOf(t, { 'policies/routes.yaml': line(name) })
    const { code, out } = await postern(['check', 'policies'], { cwd })
    t.equal(code, 1, name)
    t.match(out, /routes\.yaml:2:\d+ {2}upstream\.function-malformed/)
  }
  const cwd = folderOf(t, {
    'policies/routes.yaml': line('arn:aws:lambda:eu-west-1:111122223333:function:orders:live'),
  })
  t.equal((await postern(['check', 'policies'], { cwd })).code, 0)
})

const sam = `AWSTemplateFormatVersion: "2010-09-09"
Transform: AWS::Serverless-2016-10-31
Globals:
  Function:
    Timeout: 120
Resources:
  Orders:
    Type: AWS::Serverless::Function
    Properties:
      Handler: index.handler
      Environment:
        Variables: { TABLE: !Ref Table, ARN: !Sub "arn:\${AWS::Region}", X: !GetAtt Table.Arn }
      FunctionUrlConfig: { AuthType: NONE }
      Policies:
        - AmazonDynamoDBFullAccess
        - Statement:
            - Effect: Allow
              Action: ["s3:*", "dynamodb:GetItem"]
              Resource: "*"
  Everyone:
    Type: AWS::Lambda::Permission
    Properties: { Action: lambda:InvokeFunctionUrl, FunctionName: !Ref Orders, Principal: "*", FunctionUrlAuthType: NONE }
  Maybe:
    Type: AWS::Lambda::Url
    Properties: { TargetFunctionArn: !GetAtt Orders.Arn, AuthType: !If [IsDev, NONE, AWS_IAM] }
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Statement: [{ Effect: Allow, Principal: { AWS: "*" }, Action: sts:AssumeRole }]
      ManagedPolicyArns: [arn:aws:iam::aws:policy/AdministratorAccess]
`

const serverless = `service: shop
provider: { name: aws, timeout: 900, iam: { role: { statements: [{ Effect: Allow, NotAction: "iam:*", Resource: "*" }] } } }
functions:
  open: { handler: a.b, url: true }
  cors: { handler: a.b, url: { cors: true }, timeout: 5, reservedConcurrency: 5 }
  closed: { handler: a.b, url: { authorizer: aws_iam }, timeout: 5, reservedConcurrency: 5 }
`

const terraform = JSON.stringify(
  {
    resource: {
      aws_lambda_function: { orders: { timeout: 300 } },
      aws_lambda_function_url: { orders: [{ authorization_type: 'NONE' }] },
      aws_lambda_permission: { all: { principal: '*' } },
    },
    data: { aws_iam_policy_document: { p: { statement: [{ actions: ['*'], resources: ['*'] }] } } },
  },
  null,
  1,
)

const clean = {
  'template.yaml': `AWSTemplateFormatVersion: "2010-09-09"
Transform: AWS::Serverless-2016-10-31
Resources:
  Orders:
    Type: AWS::Serverless::Function
    Properties:
      Timeout: 10
      ReservedConcurrentExecutions: 20
      FunctionUrlConfig: { AuthType: AWS_IAM }
      Policies:
        - DynamoDBReadPolicy: { TableName: !Ref Table }
        - Statement: [{ Effect: Allow, Action: "dynamodb:GetItem", Resource: !GetAtt Table.Arn }]
        - Statement: [{ Effect: Allow, Action: ["xray:PutTraceSegments", "xray:PutTelemetryRecords"], Resource: "*" }]
  Permission:
    Type: AWS::Lambda::Permission
    Properties: { Principal: !GetAtt Role.Arn, Action: lambda:InvokeFunctionUrl, FunctionName: !Ref Orders }
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Statement: [{ Effect: Allow, Principal: { Service: lambda.amazonaws.com }, Action: "sts:AssumeRole" }]
`,
  'serverless.yml': `service: shop
provider: { name: aws, timeout: 10 }
functions:
  closed: { handler: a.b, url: { authorizer: aws_iam }, reservedConcurrency: 5 }
  worker: { handler: a.b, reservedConcurrency: 5 }
`,
  'main.tf.json': JSON.stringify({
    resource: {
      aws_lambda_function: { orders: { timeout: 10, reserved_concurrent_executions: 5 } },
      aws_lambda_function_url: { orders: { authorization_type: 'AWS_IAM' } },
    },
  }),
}

t.test('iam lint finds what is planted in a template, each at its line', async (t) => {
  const rows: readonly (readonly [string, string, readonly string[]])[] = [
    [
      'template.yaml',
      sam,
      [
        '5 iam.timeout-long low',
        '7 iam.concurrency-unreserved low',
        '13 iam.url-open high',
        '15 iam.managed-broad medium',
        '18 iam.wildcard-action medium',
        '19 iam.wildcard-resource medium',
        '22 iam.invoke-everyone high',
        '25 iam.url-open medium',
        '30 iam.principal-everyone high',
        '31 iam.managed-broad high',
      ],
    ],
    [
      'serverless.yml',
      serverless,
      [
        '2 iam.everything-but medium',
        '2 iam.timeout-long medium',
        '2 iam.wildcard-resource medium',
        '4 iam.concurrency-unreserved low',
        '4 iam.url-open high',
        '5 iam.url-open high',
      ],
    ],
    [
      'main.tf.json',
      terraform,
      [
        '4 iam.concurrency-unreserved low',
        '5 iam.timeout-long low',
        '11 iam.url-open high',
        '17 iam.invoke-everyone high',
        '27 iam.wildcard-action high',
        '30 iam.wildcard-resource medium',
      ],
    ],
  ]
  for (const [file, text, expected] of rows) {
    const cwd = folderOf(t, { [file]: text })
    const { code, out } = await postern(['iam', 'lint', file, '--json'], { cwd })
    t.equal(code, 1, file)
    const { findings } = JSON.parse(out)
    const found = findings.map(
      ({ place, code: id, severity }: { place: { line: number }; code: string; severity: string }) =>
        `${place.line} ${id} ${severity}`,
    )
    t.same(found.sort(), [...expected].sort(), file)
  }
})

t.test('iam lint has nothing to say of templates that are in order', async (t) => {
  const cwd = folderOf(t, clean)
  const { code, out } = await postern(['iam', 'lint', ...Object.keys(clean), '--fail-on', 'low'], { cwd })
  t.equal(out, '0 findings in 3 files: 0 high, 0 medium, 0 low.\n')
  t.equal(code, 0)
})

t.test('iam lint shows the line, and says what it could not read', async (t) => {
  const cwd = folderOf(t, { 'template.yaml': sam, 'broken.yaml': 'Resources: [\n', 'other.yaml': 'a: 1\n' })
  const { code, out } = await postern(['iam', 'lint', 'template.yaml'], { cwd })
  t.equal(code, 1)
  t.match(
    out,
    /template\.yaml:13:\d+ {2}iam\.url-open {2}\(high\)\n +13 \| +FunctionUrlConfig: \{ AuthType: NONE \}\n +\| +\^+/,
  )
  t.match(out, /Write AuthType: AWS_IAM/)
  const unread = await postern(['iam', 'lint', 'broken.yaml', 'other.yaml'], { cwd })
  t.equal(unread.code, 1)
  t.match(unread.out, /broken\.yaml:\d+:\d+ {2}iam\.template-unreadable/)
  t.match(unread.out, /other\.yaml:1:1 {2}iam\.template-unreadable/)
  t.equal((await postern(['iam', 'lint', 'none.yaml'], { cwd })).code, 2)
  t.equal((await postern(['iam', 'lint', 'template.yaml', '--fail-on', 'never'], { cwd })).code, 0)
  t.equal((await postern(['iam', 'grant'], { cwd })).code, 2)
})

t.test('postern canary names the open function with its line, and passes the private one', async (t) => {
  const fn = await startSignedFunction(t, createAwsAccount())
  const open = await startUpstream(t)
  const text = (url: string): string =>
    `upstreams:\n  fn: { url: "${url}", auth: { aws-sigv4: { region: eu-west-1 } } }\n  here: { url: "${open.url}", auth: none }\nroutes:\n  GET /a: { upstream: fn, auth: none, reason: a test }\n  GET /b: { upstream: here, auth: none, reason: a test }\n`
  const cwd = folderOf(t, { 'closed/routes.yaml': text(fn.url), 'open/routes.yaml': text(open.url) })
  const closed = await postern(['canary', 'closed'], { cwd })
  t.equal(closed.code, 0)
  t.match(closed.out, /closed {3}fn {2}routes\.yaml:2:3\n.*refused HEAD \/ without a sign-in with 403/)
  t.match(closed.out, /1 function tried, 0 open/)
  const found = await postern(['canary', 'open', '--json'], { cwd })
  t.equal(found.code, 1)
  t.match(JSON.parse(found.out), {
    open: 1,
    upstreams: [{ upstream: 'fn', at: 'routes.yaml:2:3', verdict: 'open', status: 200 }],
  })
})

t.test('explain says how the gateway signs in, and how a platform is known by its sign-in', async (t) => {
  const policy = `upstreams:
  fn: { url: "https://orders.example.com", auth: { aws-sigv4: { region: eu-west-1 } }, canary: 10m }
routes:
  POST /a: { upstream: fn, auth: none, reason: a test, request: { maxBytes: 8MiB } }
`
  const cwd = folderOf(t, { 'policies/routes.yaml': policy })
  const explained = await postern(['explain', 'POST /a', '--policies', 'policies'], { cwd })
  t.match(explained.out, /signs in by aws-sigv4 \(lambda in eu-west-1\), canary every 10m/)
  const checked = await postern(['check', 'policies'], { cwd })
  t.match(
    checked.out,
    /routes\.yaml:4:\d+ {2}audit\.body-over-platform.*\n[\s\S]*AWS Lambda takes 6MiB/,
    'on a host of one’s own too',
  )
})
