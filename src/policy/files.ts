import type { Memory } from './memory.js'
import type { MapNode, Node } from './node.js'
import { parseYaml } from './parse.js'
import { parseJson } from './parse-json.js'
import type { Finding, Report } from './problems.js'
import type { FileKind, PolicyText } from './read.js'
import type { Source } from './source.js'
import type { KnownValues } from './tree.js'

/** Of one text; what is kept between runs must stay small. */
const maxFindings = 1_000

/** One policy file, parsed. */
export interface PolicyFile {
  readonly kind: FileKind
  readonly source: Source
  readonly sha256: string
  readonly root: MapNode
}

/** Parses a text by its name, or takes the nodes of an earlier run when not a byte of it has changed. */
export function parseText(
  text: { readonly source: Source; readonly sha256: string },
  memory: Memory,
  report: Report,
): Node | undefined {
  const { source, sha256 } = text
  const parsed = memory.keep(`text ${source.file} ${sha256}`, () => {
    const findings: Finding[] = []
    const note: Report = (finding) => {
      if (findings.length < maxFindings) findings.push(finding)
    }
    const values = memory.keep<KnownValues>('values', () => new Map())
    return { node: source.file.endsWith('.json') ? parseJson(source, note) : parseYaml(source, note, values), findings }
  })
  for (const finding of parsed.findings) report(finding)
  return parsed.node
}

/**
 * The texts of a set as maps; a file that holds nothing is passed over, one that holds no map is a problem. Whether every
 * text could be read at all is told as well: what a broken one declares is unknown, not missing.
 */
export function parseFiles(
  texts: readonly PolicyText[],
  memory: Memory,
  report: Report,
): { readonly files: PolicyFile[]; readonly areWhole: boolean } {
  let areWhole = true
  const files = texts.flatMap((text) => {
    const { kind, source, sha256 } = text
    const root = parseText(text, memory, (finding) => {
      report(finding)
      if (finding.severity !== 'warning') areWhole = false
    })
    if (root === undefined || (root.kind === 'scalar' && root.value === null)) return []
    if (root.kind === 'map') return [{ kind, source, sha256, root }]
    report({
      code: 'policy.file-shape',
      message: 'A policy file is a map of keys; this one is not.',
      hint: 'Begin with `routes:`, `upstreams:` or another top-level key.',
      at: source.place(root.start, root.end),
    })
    return []
  })
  return { files, areWhole }
}
