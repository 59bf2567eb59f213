import { Transform, type TransformCallback } from 'node:stream'

/** The caller sent more than its route allows, after the function had begun to receive it. */
export class BodyTooLarge extends Error {
  override readonly name = 'BodyTooLarge'
}

/** The caller's connection ended before its body did. */
export class CallerGone extends Error {
  override readonly name = 'CallerGone'
}

/** A body on its way to a function that no stage needs to see: counted, and broken off at its route's cap. */
export class CappedBody extends Transform {
  readonly #maxBytes: number
  #bytes = 0

  constructor(maxBytes: number) {
    super()
    this.#maxBytes = maxBytes
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.#bytes += chunk.length
    if (this.#bytes > this.#maxBytes) done(new BodyTooLarge('the body is larger than its route allows'))
    else done(null, chunk)
  }
}
