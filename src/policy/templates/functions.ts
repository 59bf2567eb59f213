import type { Place } from '../../values/place.js'
import type { NodeSection } from '../section.js'
import { entriesOf, itemsOf, type Template } from './template.js'

/** A function as a template deploys it. */
export interface TemplateFunction {
  readonly name: string
  readonly place: Place
  /** Seconds, where they are written. */
  readonly timeout: NodeSection
  /** Undefined value: nothing is reserved. */
  readonly reserved: NodeSection
}

/** A function URL that takes calls, and who may call. */
export interface TemplateUrl {
  readonly name: string
  readonly place: Place
  /** `may`: a condition decides. */
  readonly isOpen: 'yes' | 'no' | 'may'
}

export interface Deployed {
  readonly functions: readonly TemplateFunction[]
  readonly urls: readonly TemplateUrl[]
  /** Statements that grant a call, outside of policy documents: the principal of each. */
  readonly permissions: readonly { readonly name: string; readonly principal: NodeSection }[]
}

export function deployedBy({ kind, root }: Template): Deployed {
  if (kind === 'cloudformation') return cloudFormation(root)
  return kind === 'serverless' ? serverless(root) : terraform(root)
}

function openness(auth: NodeSection): TemplateUrl['isOpen'] {
  if (auth.value === 'NONE') return 'yes'
  return JSON.stringify(auth.value ?? '').includes('"NONE"') ? 'may' : 'no'
}

function cloudFormation(root: NodeSection): Deployed {
  const functions: TemplateFunction[] = []
  const urls: TemplateUrl[] = []
  const permissions: { name: string; principal: NodeSection }[] = []
  const globals = root.get('Globals', 'Function')
  const orGlobal = (own: NodeSection, key: string): NodeSection =>
    own.get(key).value === undefined ? globals.get(key) : own.get(key)
  for (const [name, resource] of entriesOf(root.get('Resources'))) {
    const type = resource.get('Type').value
    const properties = resource.get('Properties')
    const place = resource.keyPlace
    if (type === 'AWS::Lambda::Function' || type === 'AWS::Serverless::Function') {
      const isSam = type === 'AWS::Serverless::Function'
      const read = (key: string): NodeSection => (isSam ? orGlobal(properties, key) : properties.get(key))
      functions.push({ name, place, timeout: read('Timeout'), reserved: read('ReservedConcurrentExecutions') })
      const url = isSam ? read('FunctionUrlConfig') : undefined
      if (url?.value !== undefined)
        urls.push({ name, place: url.get('AuthType').place, isOpen: openness(url.get('AuthType')) })
    } else if (type === 'AWS::Lambda::Url') {
      const auth = properties.get('AuthType')
      urls.push({ name, place: auth.place, isOpen: openness(auth) })
    } else if (type === 'AWS::Lambda::Permission') permissions.push({ name, principal: properties.get('Principal') })
  }
  return { functions, urls, permissions }
}

/** https://www.serverless.com/framework/docs/providers/aws/events/url */
function serverless(root: NodeSection): Deployed {
  const functions: TemplateFunction[] = []
  const urls: TemplateUrl[] = []
  const ordinary = root.get('provider', 'timeout')
  for (const [name, fn] of entriesOf(root.get('functions'))) {
    const timeout = fn.get('timeout').value === undefined ? ordinary : fn.get('timeout')
    functions.push({ name, place: fn.keyPlace, timeout, reserved: fn.get('reservedConcurrency') })
    const url = fn.get('url')
    if (url.value === undefined || url.value === false) continue
    // Without an authorizer the framework makes the URL public.
    const isClosed = url.get('authorizer').value === 'aws_iam'
    urls.push({ name, place: url.keyPlace, isOpen: isClosed ? 'no' : 'yes' })
  }
  // Raw CloudFormation may stand below.
  const raw = cloudFormation(root.get('resources'))
  return { functions: [...functions, ...raw.functions], urls: [...urls, ...raw.urls], permissions: raw.permissions }
}

function terraform(root: NodeSection): Deployed {
  const of = (type: string): { name: string; block: NodeSection }[] =>
    itemsOf(root.get('resource'))
      .flatMap((resources) => itemsOf(resources.get(type)))
      .flatMap((named) => entriesOf(named))
      .flatMap(([name, blocks]) => itemsOf(blocks).map((block) => ({ name, block })))
  return {
    functions: of('aws_lambda_function').map(({ name, block }) => ({
      name,
      place: block.keyPlace,
      timeout: block.get('timeout'),
      reserved: block.get('reserved_concurrent_executions'),
    })),
    urls: of('aws_lambda_function_url').map(({ name, block }) => {
      const auth = block.get('authorization_type')
      return { name, place: auth.place, isOpen: openness(auth) }
    }),
    permissions: of('aws_lambda_permission').map(({ name, block }) => ({ name, principal: block.get('principal') })),
  }
}
