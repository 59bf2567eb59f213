import type { Place } from '../../values/place.js'
import type { FrameLine } from '../../values/problem.js'
import { parseYaml } from '../parse.js'
import { parseJson } from '../parse-json.js'
import type { Finding } from '../problems.js'
import { NodeSection } from '../section.js'
import { Source } from '../source.js'

/** A template that deploys functions, as somebody wrote it. */
export interface Template {
  /** `cloudformation` holds SAM as well. */
  readonly kind: 'cloudformation' | 'serverless' | 'terraform'
  readonly root: NodeSection
  /** The line of a place, for its frame. */
  frame(place: Place): FrameLine | undefined
}

/** Why a file is no template that can be looked at. */
export interface TemplateFault {
  readonly fault: string
  readonly place: Place
}

/** What a policy refuses and a template lives by: tags such as !Sub, anchors, merge keys, keys of any kind. */
const broken = /^policy\.(yaml-(?!tag$|alias$|directive$|documents$|merge-key$)|json-broken)/

/**
 * Reads SAM and CloudFormation (YAML or JSON), serverless.yml, and Terraform in its JSON form. Short functions such as
 * `!Sub` are read as the text behind them.
 */
export function readTemplate(file: string, text: string): Template | TemplateFault {
  const source = new Source(file, text)
  const faults: Finding[] = []
  const report = (finding: Finding): void => {
    if (broken.test(finding.code)) faults.push(finding)
  }
  const isJson = /^\s*[{[]/.test(text)
  const node = isJson ? parseJson(source, report) : parseYaml(source, report)
  const [first] = faults
  if (first !== undefined) return { fault: first.message, place: first.at }
  const home: Place = { file, line: 1, column: 1 }
  const root = new NodeSection(node, undefined, () => home)
  const kind = kindOf(root)
  if (kind === null) {
    return {
      fault: 'This is no SAM or CloudFormation template, no serverless.yml and no Terraform in JSON.',
      place: home,
    }
  }
  return { kind, root, frame: ({ line }) => source.frame(line) }
}

function kindOf(root: NodeSection): Template['kind'] | null {
  const has = (key: string): boolean => root.get(key).value !== undefined
  if (has('Resources')) return 'cloudformation'
  if (has('provider') && (has('functions') || has('service'))) return 'serverless'
  if (has('resource') || has('data')) return 'terraform'
  return null
}

/** Keys of a map with what stands under them; nothing for anything else. */
export function entriesOf(section: NodeSection): (readonly [string, NodeSection])[] {
  const { node } = section
  return node?.kind === 'map' ? node.entries.list.map(({ key }) => [key, section.get(key)] as const) : []
}

/** Items of a list; the thing itself where it is none: templates write one for many. */
export function itemsOf(section: NodeSection): NodeSection[] {
  const { value } = section
  if (value === undefined || value === null) return []
  return Array.isArray(value) ? value.map((_, i) => section.get(i)) : [section]
}
