import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { type AddressInfo, connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A real redis-server on loopback, which a test may pause, kill and start again. */
export interface TestRedis {
  readonly port: number
  readonly url: string
  /** SIGSTOP: it holds its connections and says nothing. */
  pause(): void
  resume(): void
  /** SIGKILL: what it had not written is gone. */
  kill(): Promise<void>
  start(): Promise<void>
  /** Runs redis-cli. */
  cli(...args: readonly string[]): string
}

const howToGetIt =
  'These tests need redis-server: apt-get install redis-server (Debian, Ubuntu), brew install redis (macOS).'

/** Starts one; it ends with the test. @param options flags of redis-server, such as `--appendonly yes`. */
export async function startRedis(
  t: { teardown(done: () => Promise<void> | void): void },
  options: readonly string[] = [],
  urlOf: (port: number) => string = (port) => `redis://127.0.0.1:${port}`,
): Promise<TestRedis> {
  const folder = mkdtempSync(join(tmpdir(), 'postern-redis-'))
  const port = await freePort()
  let child: ChildProcess | null = null
  const start = async (): Promise<void> => {
    const listens = options.includes('--tls-port')
      ? ['--port', '0', '--tls-port', String(port)]
      : ['--port', String(port)]
    const rest = options.filter((each) => each !== '--tls-port')
    const common = ['--bind', '127.0.0.1', '--dir', folder, '--save', '', '--daemonize', 'no', '--loglevel', 'warning']
    const started = spawn('redis-server', [...listens, ...common, ...rest], { stdio: ['ignore', 'pipe', 'pipe'] })
    child = started
    let said = ''
    for (const stream of [started.stdout, started.stderr]) stream.on('data', (chunk) => (said += String(chunk)))
    const failed = new Promise<never>((_, reject) => {
      started.once('error', (error) =>
        reject('code' in error && error.code === 'ENOENT' ? new Error(howToGetIt) : error),
      )
      started.once('exit', (code) => reject(new Error(`redis-server ended with ${code}: ${said}`)))
    })
    failed.catch(() => {})
    await Promise.race([failed, answers(port)])
  }
  const kill = async (): Promise<void> => {
    const running = child
    child = null
    if (running === null || running.exitCode !== null || running.signalCode !== null) return
    const ended = new Promise((resolve) => running.once('exit', resolve))
    running.kill('SIGCONT')
    running.kill('SIGKILL')
    await ended
  }
  t.teardown(async () => {
    await kill()
    rmSync(folder, { recursive: true, force: true })
  })
  await start()
  return {
    port,
    url: urlOf(port),
    pause: () => void child?.kill('SIGSTOP'),
    resume: () => void child?.kill('SIGCONT'),
    kill,
    start,
    cli: (...args) => execFileSync('redis-cli', ['-p', String(port), ...args], { encoding: 'utf8', timeout: 10_000 }),
  }
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo // a listening TCP server has one
  await new Promise((resolve) => server.close(resolve))
  return port
}

async function answers(port: number): Promise<void> {
  for (;;) {
    const isOpen = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1')
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
      socket.once('connect', () => socket.destroy())
    })
    if (isOpen) return
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

/** Three nodes of one cluster, with all slots between them. */
export async function startRedisCluster(t: {
  teardown(done: () => Promise<void> | void): void
}): Promise<readonly TestRedis[]> {
  const buses = [await freePort(), await freePort(), await freePort()]
  const nodes: TestRedis[] = []
  for (const bus of buses) {
    nodes.push(await startRedis(t, ['--cluster-enabled', 'yes', '--cluster-port', String(bus)]))
  }
  const slots = ['0 5460', '5461 10922', '10923 16383']
  for (const [i, node] of nodes.entries()) node.cli('cluster', 'addslotsrange', ...(slots[i] ?? '').split(' '))
  const [first, ...others] = nodes
  for (const [i, node] of others.entries()) {
    first?.cli('cluster', 'meet', '127.0.0.1', String(node.port), String(buses[i + 1]))
  }
  while (!nodes.every((node) => /cluster_state:ok[\s\S]*cluster_known_nodes:3/.test(node.cli('cluster', 'info')))) {
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  return nodes
}
