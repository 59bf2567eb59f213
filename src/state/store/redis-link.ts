import { createHash } from 'node:crypto'
import type { Cluster, Redis } from 'ioredis'
import type { StoreNode } from '../../values/store-url.js'
import { type StoreNotice, StoreUnavailable } from './shared-facts.js'
import type { StoreSettings } from './store-settings.js'

/** So many commands in a row without an answer, and nobody waits for the next one. */
const failuresToOpen = 3
const probeEveryMs = 100
/** A probe may wait longer than a request: whoever it holds up is nobody. */
const probeTimeoutMs = 250
/** A store that comes and goes is tried less often, but still within the second in which it must be back. */
const slowestProbeMs = 800
/** Unanswered probes on a connection that seems whole, until another is opened: packets may go nowhere for minutes. */
const probesToReconnect = 4

/** A program that runs inside the store: atomic, and known there by its digest after the first time. */
export interface Script {
  readonly text: string
  readonly sha1: string
}

export function script(text: string): Script {
  return { text, sha1: createHash('sha1').update(text).digest('hex') }
}

export interface LinkStats {
  readonly isUp: boolean
  readonly answered: number
  readonly failed: number
  /** Changes to and from `isUp`. */
  readonly switches: { readonly up: number; readonly down: number }
}

/**
 * One connection to Redis or Valkey, or to a cluster of them, behind a breaker: while the store does not answer, nobody
 * waits for it. A probe finds out when it is back.
 */
export class RedisLink {
  readonly settings: StoreSettings
  isUp = false
  /** When it last came up, monotonic ms. */
  upSince = Number.NEGATIVE_INFINITY
  /** Whether the connection broke before that: the store may have restarted, and may have lost what it counted. */
  mayHaveLost = false
  readonly #client: Redis | Cluster
  readonly #notify: (notice: StoreNotice) => void
  readonly #switches = { up: 0, down: 0 }
  readonly #timer: NodeJS.Timeout
  /** Digests of scripts that this connection has sent whole. */
  readonly #known = new Set<string>()
  #firstUp: () => void = () => {}
  #answered = 0
  #failed = 0
  #failuresInRow = 0
  #broke = false
  #isProbing = false
  #silentProbes = 0
  #probeDelayMs = probeEveryMs
  #nextProbe = 0
  #downSince = performance.now()
  #why = 'no connection yet'
  #hasSpoken = false

  private constructor(client: Redis | Cluster, settings: StoreSettings, notify: (notice: StoreNotice) => void) {
    this.#client = client
    this.settings = settings
    this.#notify = notify
    client.on('error', (error: unknown) => this.#heard(error))
    client.on('close', () => this.#closed())
    this.#timer = setInterval(() => this.#tick(), probeEveryMs / 2)
    this.#timer.unref()
  }

  /**
   * Opens the link. Settles when the store answers, or after a second without an answer; it goes on trying.
   * ioredis takes 50 ms to load, so only a policy with a store loads it.
   */
  static async open(settings: StoreSettings, notify: (notice: StoreNotice) => void): Promise<RedisLink> {
    // The default alone: a bundle in parts gives a CommonJS module no other names.
    const { default: ioredis } = await import('ioredis')
    const [first] = settings.nodes
    if (first === undefined) throw new Error('a store without an address')
    const options = optionsFor(first, settings)
    const client = settings.isCluster
      ? new ioredis.Cluster(
          settings.nodes.map(({ host, port }) => ({ host, port })),
          {
            lazyConnect: true,
            enableOfflineQueue: false,
            enableReadyCheck: true,
            clusterRetryStrategy: retryDelay,
            retryDelayOnFailover: 20,
            retryDelayOnClusterDown: 20,
            retryDelayOnTryAgain: 20,
            maxRedirections: 3,
            slotsRefreshTimeout: 1_000,
            redisOptions: options,
          },
        )
      : new ioredis.Redis(options)
    const link = new RedisLink(client, settings, notify)
    const up = new Promise<void>((resolve) => {
      link.#firstUp = resolve
      setTimeout(resolve, 1_000).unref()
    })
    client.connect().catch((error: unknown) => link.#heard(error))
    await up
    if (!link.isUp) link.#speak(false)
    return link
  }

  stats(): LinkStats {
    return { isUp: this.isUp, answered: this.#answered, failed: this.#failed, switches: { ...this.#switches } }
  }

  /** Runs a script. Rejects with StoreUnavailable, at the latest after the command timeout. */
  run({ sha1, text }: Script, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown> {
    const client = this.#client
    return this.#guarded(() => {
      // The first time on a connection the text goes along: asking by the digest first would lose its place in line.
      if (!this.#known.has(sha1)) {
        this.#known.add(sha1)
        return client.eval(text, keys.length, ...keys, ...args)
      }
      return client.evalsha(sha1, keys.length, ...keys, ...args).catch((error: unknown) => {
        if (!messageOf(error).startsWith('NOSCRIPT')) throw error
        return client.eval(text, keys.length, ...keys, ...args)
      })
    })
  }

  /** Sends one command. Rejects with StoreUnavailable, at the latest after the command timeout. */
  command(name: string, ...args: readonly (string | number)[]): Promise<unknown> {
    return this.#guarded(() => this.#client.call(name, ...args))
  }

  close(): void {
    clearInterval(this.#timer)
    this.isUp = false
    this.#firstUp()
    this.#client.removeAllListeners('close')
    this.#client.disconnect()
  }

  #guarded(send: () => Promise<unknown>): Promise<unknown> {
    if (!this.isUp) return Promise.reject(new StoreUnavailable(this.#why))
    return this.#within(this.settings.commandTimeoutMs, send).then(
      (value) => {
        this.#answered++
        this.#failuresInRow = 0
        return value
      },
      (error: unknown) => {
        this.#failed++
        this.#failuresInRow++
        const why = messageOf(error)
        if (this.#failuresInRow >= failuresToOpen) this.#down(why)
        throw new StoreUnavailable(why)
      },
    )
  }

  #within(ms: number, send: () => Promise<unknown>): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new StoreUnavailable(`no answer in ${ms} ms`)), ms)
      const done = (): void => clearTimeout(timer)
      send().then(
        (value) => {
          done()
          resolve(value)
        },
        (error: unknown) => {
          done()
          reject(error)
        },
      )
    })
  }

  #tick(): void {
    if (this.isUp || this.#isProbing || performance.now() < this.#nextProbe || this.#client.status !== 'ready') return
    this.#isProbing = true
    // A store that only reads (a replica, one that is full) cannot count: the probe writes.
    this.#within(probeTimeoutMs, () => this.#client.set(`${this.settings.prefix}:{probe}`, '1', 'PX', 1_000))
      .then(
        () => this.#up(),
        (error: unknown) => this.#probeFailed(error),
      )
      .finally(() => {
        this.#isProbing = false
        this.#nextProbe = performance.now() + this.#probeDelayMs
      })
  }

  #probeFailed(error: unknown): void {
    this.#heard(error)
    this.#silentProbes = error instanceof StoreUnavailable ? this.#silentProbes + 1 : 0
    if (this.#silentProbes < probesToReconnect || this.settings.isCluster) return
    this.#silentProbes = 0
    this.#client.disconnect(true)
  }

  #closed(): void {
    this.#broke = true
    this.#known.clear()
    this.#down(this.#why === '' ? 'the connection was closed' : this.#why)
  }

  #heard(error: unknown): void {
    const message = messageOf(error)
    // ioredis says so of every command it drops, which is no cause.
    if (message !== '' && !/^Connection is closed|Stream isn't writeable/.test(message)) this.#why = message
  }

  #up(): void {
    if (this.isUp) return
    const now = performance.now()
    this.isUp = true
    this.mayHaveLost = this.#broke && this.upSince !== Number.NEGATIVE_INFINITY
    this.upSince = now
    this.#broke = false
    this.#silentProbes = 0
    this.#failuresInRow = 0
    this.#why = ''
    this.#switches.up++
    this.#speak(true)
    this.#firstUp()
  }

  #down(why: string): void {
    if (!this.isUp) return
    const now = performance.now()
    this.isUp = false
    this.#why = why
    this.#probeDelayMs = now - this.upSince < 1_000 ? Math.min(slowestProbeMs, this.#probeDelayMs * 2) : probeEveryMs
    this.#nextProbe = now + this.#probeDelayMs
    this.#downSince = now
    this.#switches.down++
    this.#speak(false)
  }

  #speak(isUp: boolean): void {
    const where = this.settings.nodes.map(({ host, port }) => `${host}:${port}`).join(', ')
    const isFirst = !this.#hasSpoken
    this.#hasSpoken = true
    // That it is there at the start goes without saying.
    if (isUp && isFirst) return
    const seconds = ((performance.now() - this.#downSince) / 1000).toFixed(1)
    this.#notify(
      isUp
        ? { state: 'up', level: 'info', message: `The store at ${where} answers again, after ${seconds} s.` }
        : { state: 'down', level: 'warn', message: `The store at ${where} does not answer: ${this.#why}.` },
    )
  }
}

function optionsFor(node: StoreNode, { ca }: StoreSettings) {
  return {
    host: node.host,
    port: node.port,
    db: node.database,
    ...(node.username === null ? {} : { username: node.username }),
    ...(node.password === null ? {} : { password: node.password }),
    ...(node.isTls ? { tls: ca === null ? {} : { ca } } : {}),
    lazyConnect: true,
    // What cannot be asked now is decided without the store: nothing waits in a queue for it.
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    // The probe says when it is ready, and asks for no right that the limits do not need.
    enableReadyCheck: false,
    disableClientInfo: true,
    protocol: 2 as const, // or its type is any number
    connectTimeout: 1_000,
    noDelay: true,
    retryStrategy: retryDelay,
  }
}

function retryDelay(times: number): number {
  return Math.min(400, 25 * 2 ** Math.min(times, 5))
}

/** What an error of the client says of itself in one line; the error itself may carry the commands it is about, AUTH among them. */
function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return 'an unknown fault'
  const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
  const [line = ''] = (error.message === '' ? code : error.message).split('\n')
  return line.slice(0, 160)
}
