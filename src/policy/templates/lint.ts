import type { Place } from '../../values/place.js'
import { deployedBy } from './functions.js'
import { type Statement, statementsIn } from './statements.js'
import type { Template } from './template.js'

/** What is wrong with how functions are deployed. */
export interface TemplateFinding {
  readonly severity: 'high' | 'medium' | 'low'
  readonly code: `iam.${string}`
  readonly message: string
  readonly hint: string
  readonly place: Place
}

/** What a gateway waits for, at most, unless told otherwise. */
const longSeconds = 60

/** Every finding of one template, in the order of its lines. */
export function lintTemplate(template: Template): TemplateFinding[] {
  const { functions, urls, permissions } = deployedBy(template)
  const findings: TemplateFinding[] = []
  for (const { name, place, isOpen } of urls) {
    if (isOpen === 'no') continue
    findings.push({
      severity: isOpen === 'yes' ? 'high' : 'medium',
      code: 'iam.url-open',
      message: `The URL of ${name} ${isOpen === 'yes' ? 'takes' : 'may take'} calls from everyone: whoever learns it walks around the gateway.`,
      hint: `${closed[template.kind]}; and let the gateway sign in: auth: aws-sigv4.`,
      place,
    })
  }
  for (const { name, principal } of permissions) {
    if (principal.value !== '*') continue
    findings.push({
      severity: 'high',
      code: 'iam.invoke-everyone',
      message: `${name} lets everyone call the function.`,
      hint: 'Name the role of the gateway: postern iam print.',
      place: principal.place,
    })
  }
  for (const { name, place, timeout, reserved } of functions) {
    const seconds = Number(timeout.value)
    if (seconds > longSeconds) {
      findings.push({
        severity: seconds >= 900 ? 'medium' : 'low',
        code: 'iam.timeout-long',
        message: `${name} may run for ${seconds} s: a call that hangs is billed until then, and no caller waits for it.`,
        hint: 'Give it what its slowest good call needs; for longer work, a queue.',
        place: timeout.place,
      })
    }
    if (reserved.value === undefined) {
      findings.push({
        severity: 'low',
        code: 'iam.concurrency-unreserved',
        message: `${name} has no reserved concurrency: a flood of it takes the whole account’s, and costs what it likes.`,
        hint: `Reserve some, and say so to the gateway: capacity: { reservedConcurrency: … }.`,
        place,
      })
    }
  }
  for (const statement of statementsIn(template.root)) findings.push(...ofStatement(statement))
  findings.push(...managed(template))
  return findings.sort((a, b) => a.place.line - b.place.line || a.place.column - b.place.column)
}

const closed = {
  cloudformation: 'Write AuthType: AWS_IAM',
  serverless: 'Write url: { authorizer: aws_iam }',
  terraform: 'Write authorization_type = "AWS_IAM"',
} as const

/** Actions that AWS grants on everything or not at all. */
const onlyOnAll =
  /^(xray:Put|cloudwatch:PutMetricData$|ec2:(Create|Describe|Delete|Assign|Unassign)|logs:(CreateLogGroup|DescribeLogGroups)$|sts:GetCallerIdentity$|ecr:GetAuthorizationToken$|s3:ListAllMyBuckets$|kms:(CreateKey|ListKeys)$|.*:(List|Describe)[A-Za-z]*$)/

function ofStatement({ at, actions, resources, principals, exceptions }: Statement): TemplateFinding[] {
  const found: TemplateFinding[] = []
  for (const action of actions) {
    const text = String(action.value)
    if (!text.includes('*')) continue
    const isAll = text === '*' || text === '*:*'
    const isService = /^[a-z0-9-]+:\*$/i.test(text)
    found.push({
      severity: isAll ? 'high' : isService ? 'medium' : 'low',
      code: 'iam.wildcard-action',
      message: isAll
        ? 'Every action of every service is allowed.'
        : `${text} allows ${isService ? 'every action of the service' : 'whatever begins so'}, also what AWS adds tomorrow.`,
      hint: 'Name the actions that the code calls.',
      place: action.place,
    })
  }
  const needsAll = actions.length > 0 && actions.every(({ value }) => onlyOnAll.test(String(value)))
  for (const resource of resources) {
    if (resource.value !== '*' || needsAll) continue
    found.push({
      severity: 'medium',
      code: 'iam.wildcard-resource',
      message: `${
        actions
          .map(({ value }) => String(value))
          .slice(0, 3)
          .join(', ') || 'What is allowed'
      } is allowed on every resource of the account.`,
      hint: 'Name the ARNs: for one table, one bucket, one queue.',
      place: resource.place,
    })
  }
  for (const principal of principals) {
    if (principal.value !== '*') continue
    found.push({
      severity: at.get('Condition').value === undefined && at.get('condition').value === undefined ? 'high' : 'medium',
      code: 'iam.principal-everyone',
      message: 'Everyone is allowed, from any account or none.',
      hint: 'Name the role or the account.',
      place: principal.place,
    })
  }
  const [exception] = exceptions
  if (exception !== undefined) {
    found.push({
      severity: 'medium',
      code: 'iam.everything-but',
      message: 'Everything is allowed but what stands here, also what AWS adds tomorrow.',
      hint: 'Name what is allowed.',
      place: exception.place,
    })
  }
  return found
}

/** Policies of AWS's own that allow far more than a function needs, by the last part of their ARN or name. */
function managed({ root, kind }: Template): TemplateFinding[] {
  if (kind === 'terraform') return []
  const found: TemplateFinding[] = []
  const visit = (section: typeof root, depth: number): void => {
    if (depth > 40) return
    const { node } = section
    if (node?.kind === 'scalar' && typeof node.value === 'string') {
      const name =
        /(?:^|policy\/(?:service-role\/|job-function\/)?)(AdministratorAccess|PowerUserAccess|IAMFullAccess|[A-Za-z0-9]{2,60}FullAccess)$/.exec(
          node.value,
        )?.[1]
      if (name === undefined) return
      const isAll = /^(Administrator|PowerUser|IAM)/.test(name)
      found.push({
        severity: isAll ? 'high' : 'medium',
        code: 'iam.managed-broad',
        message: `${name} allows ${isAll ? 'nearly everything in the account' : 'every action of the service on everything'}.`,
        hint: 'Write a statement with the actions and the resources that the code uses.',
        place: section.place,
      })
    } else if (node?.kind === 'list') for (const i of node.items.keys()) visit(section.get(i), depth + 1)
    else if (node?.kind === 'map') for (const { key } of node.entries.list) visit(section.get(key), depth + 1)
  }
  visit(root, 0)
  return found
}
