import type { Problem } from '../../values/problem.js'
import { runPolicyTests } from './run-tests.js'

/** Whatever keeps the policy tests of a folder from being all passed; a folder without tests has passed none. */
export async function failedTests(folder: string): Promise<readonly Problem[]> {
  const run = await runPolicyTests(folder)
  if ('problems' in run) return run.problems
  const outcomes = run.files.flatMap((file) => file.outcomes)
  if (outcomes.length === 0) {
    return [
      {
        severity: 'error',
        code: 'test.none',
        message: 'Tests are required, and the folder has none.',
        hint: 'Add a *.test.yaml, or leave --require-tests out.',
        place: { file: '.', line: 1, column: 1 },
      },
    ]
  }
  return outcomes.flatMap(({ test, outcome, misses, nearest }): Problem[] => {
    if (outcome !== 'failed') return []
    const [miss] = misses
    const what = miss === undefined ? '' : ` ${miss.what}: expected ${miss.expected}, got ${miss.got}.`
    return [
      {
        severity: 'error',
        code: 'test.failed',
        message: `The policy test "${test.name}" fails.${what}`,
        hint: 'Run postern test.',
        place: test.place,
        ...(nearest !== null &&
          nearest.place !== null && { related: [{ message: nearest.says, place: nearest.place }] }),
      },
    ]
  })
}
