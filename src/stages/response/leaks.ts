/** How much of a body is looked at. */
const lookedAt = 64 * 1024

/** What should not stand in an answer, by a fixed text or by a pattern whose every repetition is bounded. */
const leaks: readonly (readonly [name: string, marks: readonly string[], shape: RegExp | null])[] = [
  ['private-key', ['PRIVATE KEY-----'], null],
  ['cloud-key', [], /\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/],
  [
    'connection-string',
    [],
    /\b(?:postgres|postgresql|mysql|mongodb|mongodb\+srv|redis|rediss|amqp|amqps):\/\/[^\s:@/"'<>]{0,64}:[^\s@/"'<>]{1,64}@/,
  ],
  [
    'sql-error',
    [
      'SQLSTATE[',
      'You have an error in your SQL syntax',
      'syntax error at or near',
      'Unclosed quotation mark after',
      'SQLITE_ERROR',
      'ORA-00',
      'ORA-01',
    ],
    null,
  ],
  [
    'file-path',
    ['/var/task/', '/usr/src/app/', '/var/www/', '/home/site/wwwroot', ':\\\\Users\\\\', ':\\Users\\'],
    null,
  ],
  ['private-address', [], /\b(?:10\.\d{1,3}|192\.168|172\.(?:1[6-9]|2\d|3[01])|169\.254)\.\d{1,3}\.\d{1,3}\b/],
]

/** Names of what a body gives away; empty for nothing. Linear, and never with the text itself. */
export function leaksIn(body: Buffer): readonly string[] {
  const text = body.toString('latin1', 0, lookedAt)
  return leaks.flatMap(([name, marks, shape]) =>
    marks.some((mark) => text.includes(mark)) || shape?.test(text) === true ? [name] : [],
  )
}
