/**
 * Whose stack trace a text holds; null for none. It looks for frames (a line that names a function and a place in a
 * file) and for the headings that runtimes print, in plain text, in JSON strings and in HTML. Linear in the text: every
 * search is for a fixed text or looks at one line once.
 */
export function traceIn(text: string): string | null {
  for (const [language, marks] of headings) {
    if (marks.some((mark) => text.includes(mark))) return language
  }
  let dotnetFrames = 0
  for (const line of linesOf(text)) {
    const language = frameIn(line)
    if (language === null) continue
    // Without a file a frame is `at Some.Name(…)`, which one honest sentence may also be.
    if (language === 'dotnet-bare' && ++dotnetFrames < 2) continue
    return language === 'dotnet-bare' ? 'dotnet' : language
  }
  return null
}

/** Texts that nobody but a runtime prints. */
const headings: readonly (readonly [language: string, marks: readonly string[]])[] = [
  ['python', ['Traceback (most recent call last)']],
  ['java', ['Exception in thread "']],
  [
    'dotnet',
    ['--- End of stack trace from previous location', '--- End of inner exception stack trace', '[HttpException]'],
  ],
  [
    'go',
    // The last is how AWS Lambda tells a panic. https://docs.aws.amazon.com/lambda/latest/dg/golang-exceptions.html
    [
      'goroutine 1 [running]',
      '[signal SIGSEGV',
      'runtime/debug.Stack(',
      'panic: runtime error',
      '"stackTrace":[{"path":',
    ],
  ],
  ['php', ['PHP Fatal error:', 'PHP Warning:', 'PHP Stack trace:', '<b>Fatal error</b>:', '<b>Warning</b>:']],
]

/** Longer lines are no frame; what follows on them is not looked at. */
const frameLength = 600

/** Lines as they were before someone wrote them as a JSON string or as HTML. */
function* linesOf(text: string): Generator<string> {
  const plain = text
    .replaceAll('\\r', '')
    .replaceAll('\\n', '\n')
    .replaceAll('\\t', ' ')
    .replaceAll('\\"', '"')
    .replaceAll('&quot;', '"')
    .replaceAll('&#34;', '"')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&nbsp;', ' ')
    .replaceAll('<br', '\n<br')
    .replaceAll('<BR', '\n<br')
    // A list of frames in JSON: each is a string of its own.
    .replaceAll('","', '\n')
  for (const line of plain.split('\n')) {
    const frame = line.slice(0, frameLength).trim()
    if (frame !== '') yield frame.startsWith('<br') ? frame.slice(frame.indexOf('>') + 1).trim() : frame
  }
}

function frameIn(line: string): string | null {
  const at = line.startsWith('at ') ? 0 : line.indexOf('"at ') + 1
  if (line.startsWith('at ', at)) return frameAfterAt(line.slice(at + 3))
  // AWS Lambda lists frames of Java without their `at`.
  if (/\([\w$]{1,120}\.(?:java|kt|scala|groovy|clj):\d{1,9}\)/.test(line)) return 'java'
  if (line.includes('File "') && /", line \d{1,9}/.test(line)) return 'python'
  if (/\.go:\d{1,9} \+0x[0-9a-f]/.test(line) || /goroutine \d{1,12} \[/.test(line)) return 'go'
  if (/#\d{1,4} /.test(line) && (/\.php(?:\(\d|:\d)/.test(line) || line.includes('{main}'))) return 'php'
  if (line.includes('.php') && /on line (?:<b>)?\d/.test(line)) return 'php'
  if (/\.rb:\d{1,9}:in [`']/.test(line)) return 'ruby'
  return null
}

/** `rest` is what stands behind `at `. */
function frameAfterAt(rest: string): string | null {
  if (/\.(?:java|kt|scala|groovy|clj):\d{1,9}\)/.test(rest)) return 'java'
  if (rest.includes('(Native Method)') || rest.includes('(Unknown Source)')) return 'java'
  if (/:line \d/.test(rest)) return 'dotnet'
  if (/\.(?:[cm]?[jt]sx?):\d{1,9}/.test(rest) || /node:[a-z_/]{1,60}:\d/.test(rest)) return 'node'
  if (rest.includes('<anonymous>') || rest.includes('(native)')) return 'node'
  const open = rest.indexOf('(')
  const name = open === -1 ? '' : rest.slice(0, open)
  return name.includes('.') && !name.includes(' ') && rest.includes(')', open) ? 'dotnet-bare' : null
}
