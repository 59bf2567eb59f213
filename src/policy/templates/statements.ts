import type { NodeSection } from '../section.js'
import { entriesOf, itemsOf } from './template.js'

/** One `Allow` of a policy document, wherever a template holds it. */
export interface Statement {
  readonly at: NodeSection
  readonly actions: readonly NodeSection[]
  readonly resources: readonly NodeSection[]
  readonly principals: readonly NodeSection[]
  /** `NotAction` or `NotResource`: everything but what is named. */
  readonly exceptions: readonly NodeSection[]
}

/** Deeper is no template. */
const maxDepth = 40

/** Every statement that allows something: of CloudFormation and serverless.yml, and of Terraform's policy documents. */
export function statementsIn(section: NodeSection, depth = 0): Statement[] {
  if (depth > maxDepth) return []
  const own = statementOf(section)
  const children = section.node?.kind === 'list' ? itemsOf(section) : entriesOf(section).map(([, child]) => child)
  return [...(own === null ? [] : [own]), ...children.flatMap((child) => statementsIn(child, depth + 1))]
}

function statementOf(section: NodeSection): Statement | null {
  if (section.node?.kind !== 'map') return null
  const list = (...keys: readonly string[]): NodeSection[] => keys.flatMap((key) => itemsOf(section.get(key)))
  if (section.get('Effect').value === 'Allow') {
    return {
      at: section,
      actions: list('Action'),
      resources: list('Resource'),
      principals: principalsOf(section.get('Principal')),
      exceptions: list('NotAction', 'NotResource'),
    }
  }
  // The data source aws_iam_policy_document of Terraform's AWS provider, whose effect is Allow unless it says otherwise.
  const effect = section.get('effect').value
  if (section.get('actions').value === undefined || (effect !== undefined && effect !== 'Allow')) return null
  return {
    at: section,
    actions: list('actions'),
    resources: list('resources'),
    principals: list('principals').flatMap((each) => itemsOf(each.get('identifiers'))),
    exceptions: list('not_actions', 'not_resources'),
  }
}

function principalsOf(section: NodeSection): NodeSection[] {
  if (section.node?.kind !== 'map') return itemsOf(section)
  return entriesOf(section).flatMap(([kind, who]) => (kind === 'Service' ? [] : itemsOf(who)))
}
