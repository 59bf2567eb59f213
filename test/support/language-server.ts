import { spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

interface Range {
  readonly start: { readonly line: number; readonly character: number }
  readonly end: { readonly line: number; readonly character: number }
}

export interface Diagnostic {
  readonly message: string
  readonly range: Range
}

/** What an editor shows of one text. Lines and columns count from 1, as editors show them. */
export interface OpenText {
  /** Of the text as it was opened, once the server has judged it. */
  readonly diagnostics: readonly Diagnostic[]
  /** The labels that are offered, each with its documentation. */
  complete(line: number, column: number): Promise<ReadonlyMap<string, string>>
  hover(line: number, column: number): Promise<string>
}

/** The real yaml-language-server, spoken to over its standard streams as an editor does. */
export interface LanguageServer {
  /** Opens a text as if it stood in this file; schemas that it names are found from there. */
  open(file: string, text: string): Promise<OpenText>
}

type Message = { readonly id?: number; readonly method?: string; readonly params?: unknown; readonly result?: unknown }

export async function startLanguageServer(t: {
  teardown(done: () => Promise<void> | void): void
}): Promise<LanguageServer> {
  const require = createRequire(import.meta.url)
  const bin = require.resolve('yaml-language-server/bin/yaml-language-server')
  const child = spawn(process.execPath, [bin, '--stdio'], { stdio: ['pipe', 'pipe', 'ignore'] })
  const gone = new Promise<void>((resolve) => child.on('exit', () => resolve()))
  t.teardown(async () => {
    // It takes a polite signal for a pause.
    child.kill('SIGKILL')
    await gone
  })
  const answers = new Map<number, (result: unknown) => void>()
  const judged = new Map<string, (diagnostics: readonly Diagnostic[]) => void>()
  let nextId = 1
  let pending: Buffer = Buffer.alloc(0)

  const send = (message: object): void => {
    const text = JSON.stringify({ jsonrpc: '2.0', ...message })
    child.stdin.write(`Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`)
  }
  const ask = <T>(method: string, params: object): Promise<T> => {
    const id = nextId++
    send({ id, method, params })
    return new Promise((resolve) => answers.set(id, (result) => resolve(result as T))) // the protocol says what it is
  }
  const receive = ({ id, method, params, result }: Message): void => {
    if (method === undefined) {
      if (id !== undefined) answers.get(id)?.(result)
    } else if (id !== undefined) {
      // It asks for its settings: the same for every text, and no catalog of the internet.
      const items = (params as { items?: readonly unknown[] } | undefined)?.items ?? []
      send({ id, result: method === 'workspace/configuration' ? items.map(settingsOf) : null })
    } else if (method === 'textDocument/publishDiagnostics') {
      const { uri, diagnostics } = params as { uri: string; diagnostics: readonly Diagnostic[] } // the protocol's
      judged.get(uri)?.(diagnostics)
    }
  }
  child.stdout.on('data', (chunk: Buffer) => {
    pending = Buffer.concat([pending, chunk])
    for (;;) {
      const end = pending.indexOf('\r\n\r\n')
      if (end === -1) return
      const length = Number(/content-length: *(\d+)/i.exec(pending.toString('latin1', 0, end))?.[1])
      if (pending.length < end + 4 + length) return
      const text = pending.toString('utf8', end + 4, end + 4 + length)
      pending = pending.subarray(end + 4 + length)
      receive(JSON.parse(text) as Message) // as above
    }
  })

  await ask('initialize', {
    processId: process.pid,
    rootUri: null,
    capabilities: {
      textDocument: { completion: { completionItem: { documentationFormat: ['markdown'] } }, hover: {} },
      workspace: { configuration: true },
    },
  })
  send({ method: 'initialized', params: {} })
  send({ method: 'workspace/didChangeConfiguration', params: { settings: { yaml: yamlSettings } } })

  return {
    async open(file, text) {
      const uri = pathToFileURL(file).href
      const diagnostics = await new Promise<readonly Diagnostic[]>((resolve) => {
        judged.set(uri, resolve)
        send({
          method: 'textDocument/didOpen',
          params: { textDocument: { uri, languageId: 'yaml', version: 1, text } },
        })
      })
      const at = (line: number, column: number) => ({
        textDocument: { uri },
        position: { line: line - 1, character: column - 1 },
      })
      return {
        diagnostics,
        async complete(line, column) {
          type Item = { readonly label: string; readonly documentation?: string | { readonly value: string } }
          const { items } = await ask<{ items: readonly Item[] }>('textDocument/completion', at(line, column))
          return new Map(
            items.map(({ label, documentation = '' }) => [
              label,
              typeof documentation === 'string' ? documentation : documentation.value,
            ]),
          )
        },
        async hover(line, column) {
          const found = await ask<{ contents: { value: string } } | null>('textDocument/hover', at(line, column))
          return found?.contents.value ?? ''
        },
      }
    },
  }
}

const yamlSettings = { validate: true, hover: true, completion: true, schemaStore: { enable: false } }

function settingsOf(item: unknown): unknown {
  return (item as { section?: string }).section === 'yaml' ? yamlSettings : {} // the protocol's
}
