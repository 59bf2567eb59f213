import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Test } from 'tap'

/** What most policies of these tests name: one function and one issuer. */
export const sharedText = `upstreams:
  fn: { url: "http://127.0.0.1:9000" }
issuers:
  main: { issuer: "https://id.example.com/", audience: orders-api }
`

/** Writes files into a fresh folder and returns its path. */
export function writeFolder(t: Test, files: Readonly<Record<string, string | Buffer>>): string {
  const folder = t.testdir({})
  for (const [name, content] of Object.entries(files)) {
    const path = join(folder, name)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, content)
  }
  return folder
}

/** Cuts a fixture into its files at lines such as `#### orders.yaml`; what stands before the first is its head. */
export function cutFixture(text: string): { readonly head: string; readonly files: Record<string, string> } {
  const [head = '', ...pieces] = text.split(/^#### /m)
  const files: Record<string, string> = {}
  for (const piece of pieces) {
    const end = piece.indexOf('\n')
    files[piece.slice(0, end).trim()] = piece.slice(end + 1)
  }
  return { head, files }
}
