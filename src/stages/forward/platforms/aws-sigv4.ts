import { createHash, createHmac, type Hash, type Hmac } from 'node:crypto'
import { SignatureV4 } from '@smithy/signature-v4'
import type { AwsKeys, OutgoingRequest } from '../../contract.js'
import { signedTarget } from './aws-wire.js'

/** Signs what goes to one host. */
export interface AwsSigner {
  /**
   * The request as it must go on the wire, with its signature. `now` is epoch ms, by the platform's clock as far as we
   * know it. A body that streams cannot be signed: it throws.
   */
  sign(request: OutgoingRequest, keys: AwsKeys, now: number): Promise<OutgoingRequest>
}

const algorithm = 'AWS4-HMAC-SHA256'
const emptyHash = createHash('sha256').digest('hex')

/** What a signature must never share a request with: a second one, and what only the platform's own headers may say. */
function isSignature(name: string): boolean {
  return name === 'authorization' || name.startsWith('x-amz-')
}

/**
 * Opens a signer for Signature Version 4. The canonical request is made here, in one piece with the bytes of the wire; the
 * derived keys, their cache and the signature come from `@smithy/signature-v4`. Import this file when a function needs it and
 * not before.
 * @param host as it stands in the Host header: with its port where that is not the scheme's own.
 */
export function openAwsSigner(options: {
  readonly host: string
  readonly region: string
  readonly service: string
}): AwsSigner {
  const { host, region, service } = options
  // S3 alone signs the path as it stands. https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
  const encodesTwice = service !== 's3'
  let signature: SignatureV4 | null = null
  let signedBy: AwsKeys | null = null

  return {
    async sign(request, keys, now) {
      if (request.body === 'stream') throw new Error('a body that streams cannot be signed')
      const target = signedTarget(request.target, encodesTwice)
      const stamp = timestamp(now)
      const bodyHash =
        request.body === null || request.body.length === 0
          ? emptyHash
          : createHash('sha256').update(request.body).digest('hex')
      const headers: string[] = []
      let contentType: string | null = null
      for (let i = 0; i < request.headers.length; i += 2) {
        const name = request.headers[i] ?? ''
        if (isSignature(name)) continue
        const value = request.headers[i + 1] ?? ''
        if (name === 'content-type' && isSignable(value)) contentType = value
        headers.push(name, value)
      }
      // In alphabetic order, as the canonical request asks; few, since whatever a hop may change must not be signed.
      const names = `${contentType === null ? '' : 'content-type;'}host;x-amz-content-sha256;x-amz-date${keys.sessionToken === null ? '' : ';x-amz-security-token'}`
      const canonical =
        `${request.method}\n${target.canonicalPath}\n${target.canonicalQuery}\n` +
        `${contentType === null ? '' : `content-type:${contentType}\n`}host:${host}\n` +
        `x-amz-content-sha256:${bodyHash}\nx-amz-date:${stamp}\n` +
        `${keys.sessionToken === null ? '' : `x-amz-security-token:${keys.sessionToken}\n`}\n${names}\n${bodyHash}`
      const scope = `${stamp.slice(0, 8)}/${region}/${service}/aws4_request`
      const toSign = `${algorithm}\n${stamp}\n${scope}\n${createHash('sha256').update(canonical).digest('hex')}`
      if (signature === null || signedBy !== keys) {
        const credentials = {
          accessKeyId: keys.accessKeyId,
          secretAccessKey: keys.secretAccessKey,
          ...(keys.sessionToken === null ? {} : { sessionToken: keys.sessionToken }),
        }
        signature = new SignatureV4({ credentials, region, service, sha256: NodeSha256 })
        signedBy = keys
      }
      const signed = await signature.sign(toSign, { signingDate: new Date(now) })
      headers.push('x-amz-content-sha256', bodyHash, 'x-amz-date', stamp)
      if (keys.sessionToken !== null) headers.push('x-amz-security-token', keys.sessionToken)
      headers.push(
        'authorization',
        `${algorithm} Credential=${keys.accessKeyId}/${scope}, SignedHeaders=${names}, Signature=${signed}`,
      )
      return { ...request, target: target.wire, headers }
    },
  }
}

/** A value that every reader canonicalizes to itself: printable ASCII, no blank at an end, no two in a row. */
function isSignable(value: string): boolean {
  return /^[\x21-\x7e]+(?: [\x21-\x7e]+)*$/.test(value)
}

/** `20150830T123600Z`. */
function timestamp(now: number): string {
  return `${new Date(now).toISOString().slice(0, 19).replace(/[-:]/g, '')}Z`
}

/** The hash that the package asks for, by Node's own. */
class NodeSha256 {
  #state: Hash | Hmac

  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.#state = secret === undefined ? createHash('sha256') : createHmac('sha256', keyOf(secret))
  }

  update(data: Uint8Array): void {
    this.#state.update(data)
  }

  async digest(): Promise<Uint8Array> {
    return this.#state.digest()
  }

  reset(): void {
    this.#state = createHash('sha256')
  }
}

function keyOf(secret: string | ArrayBuffer | ArrayBufferView): string | Uint8Array {
  if (typeof secret === 'string') return secret
  return ArrayBuffer.isView(secret)
    ? new Uint8Array(secret.buffer, secret.byteOffset, secret.byteLength)
    : new Uint8Array(secret)
}
