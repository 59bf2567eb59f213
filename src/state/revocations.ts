import type { Evidence, Identity } from '../stages/contract.js'
import type { Revocation, RevocationBook, RevocationKind } from '../values/revocation.js'

/** Where revocations are kept beyond this process: a file, or the store that several processes share. */
export interface RevocationStore {
  /** A text that changes with what it holds; null: it holds nothing and may have lost what it held. */
  version(): Promise<string | null>
  load(): Promise<readonly Revocation[]>
  /** All of them in one step. */
  put(revocations: readonly Revocation[]): Promise<void>
  remove(id: string): Promise<void>
}

export interface RevocationStats {
  readonly inForce: number
  /** Whether the store cannot be read: revocations of other processes do not arrive. */
  readonly isStale: boolean
}

/** Something that an operator should hear: the store of revocations went away, or is back. */
export interface RevocationNotice {
  readonly level: 'info' | 'warn'
  readonly message: string
}

/** Beyond so many, a list is the wrong tool: end the keys or the issuer. */
const mostRevocations = 100_000
/** How often the store is asked whether others have revoked: a revocation holds everywhere within a second. */
const lookEveryMs = 400

/**
 * What has been revoked, in memory: asked for every request with a credential, so it answers at once. It follows its store
 * twice a second. While the store is away, what is known holds on; what is revoked here meanwhile holds here and is told
 * the store when it is back.
 */
export class Revocations implements RevocationBook {
  readonly #now: () => number
  readonly #notify: (notice: RevocationNotice) => void
  readonly #byId = new Map<string, Revocation>()
  /** By kind and value: those of any issuer, and of named ones. */
  #byName = new Map<string, readonly Revocation[]>()
  #store: RevocationStore | null = null
  #timer: NodeJS.Timeout | null = null
  #version: string | null = null
  #isLooking = false
  /** Grows with each change made here. */
  #changes = 0
  #isStale = false
  /** Changes that the store has not heard of yet: null for one that was taken back. */
  readonly #untold = new Map<string, Revocation | null>()

  constructor(now: () => number, notify: (notice: RevocationNotice) => void = () => {}) {
    this.#now = now
    this.#notify = notify
  }

  /** Follows this store from now on; null: there is none. Settles when it has been read once, or could not be. */
  async follow(store: RevocationStore | null): Promise<void> {
    if (store === this.#store) return
    this.#store = store
    this.#version = null
    if (this.#timer !== null) clearInterval(this.#timer)
    this.#timer = null
    if (store === null) return
    this.#timer = setInterval(() => void this.look(), lookEveryMs)
    this.#timer.unref()
    await this.look()
  }

  /** Why a caller is refused who would pass otherwise; null: nothing speaks against them. Hot: runs for every identity. */
  covers(identity: Identity, issuer: string | null): Evidence | null {
    if (this.#byId.size === 0) return null
    const { claims, clientId, subject } = identity
    const jti = claims['jti']
    const found =
      (typeof jti === 'string' ? this.#find('token', jti, issuer, claims) : null) ??
      (issuer === null ? null : this.#find('subject', subject, issuer, claims)) ??
      (clientId === null ? null : this.#find('client', clientId, issuer, claims))
    return found === null ? null : { revoked: found.kind, until: found.until, since: found.at }
  }

  #find(
    kind: RevocationKind,
    value: string,
    issuer: string | null,
    claims: Readonly<Record<string, unknown>>,
  ): Revocation | null {
    const named = this.#byName.get(nameOf(kind, value))
    if (named === undefined) return null
    const now = this.#now()
    const iat = claims['iat']
    const holds = (each: Revocation): boolean =>
      (each.issuer === null || each.issuer === issuer) &&
      now < each.until &&
      // Whoever does not say when it was issued cannot have been issued later.
      (each.issuedBefore === null || typeof iat !== 'number' || iat * 1000 < each.issuedBefore)
    return named.find(holds) ?? null
  }

  list(): readonly Revocation[] {
    const now = this.#now()
    return [...this.#byId.values()].filter(({ until }) => now < until)
  }

  async add(revocation: Revocation): Promise<{ readonly stored: boolean } | 'full'> {
    this.#forgetPast()
    if (this.#byId.size >= mostRevocations && !this.#byId.has(revocation.id)) return 'full'
    this.#byId.set(revocation.id, revocation)
    this.#changes += 1
    this.#index()
    return { stored: await this.#tell(revocation.id, revocation) }
  }

  async remove(id: string): Promise<boolean> {
    if (!this.#byId.delete(id)) return false
    this.#changes += 1
    this.#index()
    await this.#tell(id, null)
    return true
  }

  /** Looks whether the store has changed, and takes over what it holds. Never rejects. */
  async look(): Promise<void> {
    const store = this.#store
    if (store === null || this.#isLooking) return
    this.#isLooking = true
    try {
      // A store that has lost what it held, or is new: what holds here goes on to hold everywhere.
      const held = this.list()
      if (held.length > 0 && (await store.version()) === null) await store.put(held)
      for (const [id, change] of this.#untold) {
        await (change === null ? store.remove(id) : store.put([change]))
        if (this.#untold.get(id) === change) this.#untold.delete(id)
      }
      const changes = this.#changes
      const version = await store.version()
      if (version !== this.#version) {
        const found = await store.load()
        // What was changed here meanwhile may be missing from it: the next look takes it over.
        if (store !== this.#store || changes !== this.#changes) return
        this.#replace(found)
        this.#version = version
      }
      this.#became(false, '')
    } catch (error) {
      this.#became(true, error instanceof Error ? error.message : 'it failed')
    } finally {
      this.#isLooking = false
    }
  }

  stats(): RevocationStats {
    return { inForce: this.list().length, isStale: this.#isStale }
  }

  close(): void {
    if (this.#timer !== null) clearInterval(this.#timer)
    this.#timer = null
    this.#store = null
  }

  async #tell(id: string, change: Revocation | null): Promise<boolean> {
    const store = this.#store
    if (store === null) return false
    this.#untold.set(id, change)
    try {
      await (change === null ? store.remove(id) : store.put([change]))
      if (this.#untold.get(id) === change) this.#untold.delete(id)
      return true
    } catch (error) {
      this.#became(true, error instanceof Error ? error.message : 'it failed')
      return false
    }
  }

  #replace(held: readonly Revocation[]): void {
    this.#byId.clear()
    const now = this.#now()
    for (const revocation of held.slice(0, mostRevocations)) {
      if (now < revocation.until) this.#byId.set(revocation.id, revocation)
    }
    for (const [id, change] of this.#untold) {
      if (change === null) this.#byId.delete(id)
      else this.#byId.set(id, change)
    }
    this.#index()
  }

  #forgetPast(): void {
    const now = this.#now()
    for (const { id, until } of this.#byId.values()) if (until <= now) this.#byId.delete(id)
  }

  #index(): void {
    const byName = new Map<string, Revocation[]>()
    for (const revocation of this.#byId.values()) {
      const name = nameOf(revocation.kind, revocation.value)
      const known = byName.get(name)
      if (known === undefined) byName.set(name, [revocation])
      else known.push(revocation)
    }
    this.#byName = byName
  }

  #became(isStale: boolean, why: string): void {
    if (isStale === this.#isStale) return
    this.#isStale = isStale
    this.#notify(
      isStale
        ? { level: 'warn', message: `Revocations cannot be read: ${why}. Those that are known hold on.` }
        : { level: 'info', message: 'Revocations can be read again.' },
    )
  }
}

function nameOf(kind: RevocationKind, value: string): string {
  return `${kind} ${value}`
}
