import type { Finding } from './problems.js'
import type { Source } from './source.js'

/** What the parser says, in words that help: the first row whose text begins the parser's reason. */
const faults: readonly {
  readonly begins: string
  readonly code?: string
  readonly message: string
  readonly hint: string
}[] = [
  {
    begins: 'null byte',
    code: 'policy.file-binary',
    message: 'The file holds a NUL byte, so it is no text.',
    hint: 'Save it as UTF-8 text.',
  },
  {
    begins: 'the stream contains non-printable',
    code: 'policy.file-binary',
    message: 'The file holds a control character that YAML does not allow.',
    hint: 'Delete it, or write it as an escape in double quotes.',
  },
  {
    begins: 'tab characters',
    code: 'policy.yaml-tab',
    message: 'A tab stands in the indentation; YAML allows spaces only.',
    hint: 'Indent with two spaces.',
  },
  {
    begins: 'nesting exceeded',
    code: 'policy.yaml-too-deep',
    message: 'This is nested more than 64 levels deep.',
    hint: 'No policy needs that; is a bracket missing?',
  },
  {
    begins: 'bad indentation of a mapping entry',
    message: 'This key is indented differently from its neighbors.',
    hint: 'Align the keys of one map.',
  },
  {
    begins: 'colon in a value',
    message: 'A value holds ": ", which begins a map.',
    hint: 'Quote the value.',
  },
  {
    begins: 'bad indentation of a sequence entry',
    message: 'This list item is indented differently from its neighbors.',
    hint: 'Align the dashes of one list.',
  },
  {
    begins: 'deficient indentation',
    message: 'A quoted text or a bracket is still open here.',
    hint: 'Close it with the quote or bracket that opened it.',
  },
  {
    begins: 'unexpected end of the',
    message: 'The file ends inside a quoted text or a bracket.',
    hint: 'Close it with the quote or bracket that opened it.',
  },
  {
    begins: 'missed comma between flow',
    message: 'A comma is missing between two items in brackets.',
    hint: 'Write [a, b] or {a: 1, b: 2}.',
  },
  {
    begins: "expected the node content, but found ','",
    message: 'There is a comma with nothing before it.',
    hint: 'Delete it, or write the missing item.',
  },
  {
    begins: 'unknown escape sequence',
    message: 'This backslash sequence means nothing in double quotes.',
    hint: "Use single quotes ('…') around patterns: there a backslash stays a backslash.",
  },
  {
    begins: 'expected hexadecimal character',
    message: 'This backslash sequence needs hexadecimal digits.',
    hint: "Use single quotes ('…') around patterns: there a backslash stays a backslash.",
  },
  {
    begins: 'can not read a block mapping entry',
    message: 'This line has no colon, or its key goes over several lines.',
    hint: 'Write `key: value`.',
  },
  {
    begins: "expected ':' after a mapping key",
    message: 'A colon is missing after this key.',
    hint: 'Write `key: value`.',
  },
  {
    begins: 'a whitespace character is expected after',
    message: 'A blank is missing after the colon.',
    hint: 'Write `key: value`.',
  },
  {
    begins: 'end of the stream or a document separator',
    message: 'This does not belong to what stands above it.',
    hint: 'Check the indentation, and whether the line above needs a colon.',
  },
]

/** A finding for what the YAML parser refused at `position`. */
export function explainYamlFault(reason: string, position: number, source: Source): Finding {
  const fault = faults.find((row) => reason.startsWith(row.begins))
  const text = source.text
  // At the end of a line or of the file the parser already looks at the next one; the fault is before it.
  let start = Math.min(position, Math.max(0, text.length - 1))
  while (start > 0 && (text[start] === '\n' || text[start] === '\r' || text[start] === undefined)) start--
  let at = source.place(start)
  const before = (source.frame(at.line)?.text ?? '').slice(0, at.column - 1)
  if (fault?.begins === 'bad indentation of a mapping entry') {
    // The parser stops at the colon. After a single word it is the key of a line that stands at the wrong depth.
    if (!/^ *(- +)?("[^"]*"|'[^']*'|[^\s:]+)$/.test(before))
      return explainYamlFault('colon in a value', position, source)
    at = source.place(start - before.trimStart().length, start)
  }
  const tab = /^ *\t/.test(source.frame(at.line)?.text ?? '')
  if (fault === undefined || (tab && fault.code === undefined)) {
    const found = tab ? faults.find((row) => row.code === 'policy.yaml-tab') : undefined
    if (found === undefined) {
      return {
        code: 'policy.yaml-broken',
        message: `This is no valid YAML: ${reason}.`,
        hint: 'Check the indentation and the quotes.',
        at,
      }
    }
    return { code: 'policy.yaml-tab', message: found.message, hint: found.hint, at: tabPlace(source, at.line) ?? at }
  }
  return { code: fault.code ?? 'policy.yaml-broken', message: fault.message, hint: fault.hint, at }
}

function tabPlace(source: Source, line: number) {
  const text = source.frame(line)?.text
  return text === undefined ? undefined : { file: source.file, line, column: text.indexOf('\t') + 1 }
}
