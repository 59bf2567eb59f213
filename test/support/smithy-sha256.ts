import { createHash, createHmac, type Hash, type Hmac } from 'node:crypto'

/** The hash that `@smithy/signature-v4` asks its users for. */
export class Sha256 {
  readonly #state: Hash | Hmac

  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.#state =
      secret === undefined
        ? createHash('sha256')
        : createHmac('sha256', typeof secret === 'string' ? secret : Buffer.from(secret as Uint8Array)) // it passes bytes
  }

  update(data: Uint8Array): void {
    this.#state.update(data)
  }

  async digest(): Promise<Uint8Array> {
    return this.#state.digest()
  }

  reset(): void {
    throw new Error('nobody resets it')
  }
}
