import { type Command, exitCode } from './command.js'

export const command: Command = {
  usage: 'schema [--tests]',
  says: [
    'Prints the JSON Schema (draft-07) of every file of a policy folder. Editors with a YAML language server complete and',
    'underline by it, once the first line of a file names it:',
    '',
    '  # yaml-language-server: $schema=./.postern/schema.json',
  ],
  flags: { tests: { type: 'boolean', says: 'of policy tests, *.test.yaml, instead' } },
  arguments: { least: 0, most: 0 },
  examples: [
    { line: 'mkdir -p policies/.postern', does: 'hidden folders are no part of a policy' },
    { line: 'postern schema > policies/.postern/schema.json', does: 'again after every upgrade' },
    { line: 'postern schema --tests > policies/.postern/tests.json', does: 'for *.test.yaml' },
  ],
  run: async (given, terminal) => {
    if (given.has('tests')) {
      const { testSchema } = await import('../policy/test-schema.js')
      terminal.out(`${JSON.stringify(testSchema, null, 2)}\n`)
      return exitCode.fine
    }
    const [{ policySchema }, { stages }] = await Promise.all([
      import('../policy/schema.js'),
      import('../stages/all.js'),
    ])
    terminal.out(`${JSON.stringify(policySchema(stages), null, 2)}\n`)
    return exitCode.fine
  },
}
