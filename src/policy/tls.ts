import { readFileSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import type { TlsPlan } from '../plan/plan.js'
import { readCertificates, readKeyPair } from '../values/certificate.js'
import type { SecretText } from '../values/secret.js'
import { reasonOf } from './file-text.js'
import { type Resolving, textOf } from './resolving.js'
import type { NodeSection } from './section.js'

const maxPemBytes = 1024 ** 2
/** A certificate that ends this soon is named at every load. */
const soonMs = 14 * 86_400_000

const pem = (description: string, example: string) => ({
  type: 'string',
  minLength: 1,
  description: `${description}: a file (a relative path starts at the policy folder) or "\${secret:name}".`,
  examples: [example],
})

/** The schema of `listeners.public.tls`. */
export const tlsSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['cert', 'key'],
  description:
    'Serves HTTPS (HTTP/1.1). The files are looked at while the gateway serves: a renewed pair needs no restart.',
  properties: {
    cert: pem('The certificate chain in PEM, the own certificate first', '/run/tls/tls.crt'),
    key: pem('Its private key in PEM', '/run/tls/tls.key'),
    minVersion: {
      enum: ['1.2', '1.3'],
      description: 'The oldest version of TLS that is spoken; 1.3 when absent.',
      examples: ['1.3'],
    },
    clientCa: pem(
      'Authorities in PEM whose client certificates are believed; callers are then asked for one',
      '/run/tls/ca.crt',
    ),
  },
}

/** TLS of a listener, with its texts put among the secrets of the set; null where there is none or it cannot be had. */
export function resolveTls(section: NodeSection, resolving: Resolving): TlsPlan | null {
  if (section.value === undefined) return null
  const files: string[] = []
  const parts = {
    cert: readPem('cert', section.get('cert'), files, resolving),
    key: readPem('key', section.get('key'), files, resolving),
    clientCa:
      section.get('clientCa').value === undefined
        ? null
        : readPem('clientCa', section.get('clientCa'), files, resolving),
  }
  const { cert, key, clientCa } = parts
  if (cert === undefined || key === undefined || clientCa === undefined) return null
  if (!resolving.hasStandIns) {
    judgePair(cert.text, key.text, section, resolving)
    if (clientCa !== null) judgeAuthorities(clientCa.text, section.get('clientCa'), resolving)
  }
  return {
    cert: cert.held,
    key: key.held,
    clientCa: clientCa?.held ?? null,
    minVersion: textOf(section.get('minVersion')) === '1.2' ? '1.2' : '1.3',
    files,
  }
}

interface HeldPem {
  readonly held: SecretText
  readonly text: string
}

function readPem(part: string, section: NodeSection, files: string[], resolving: Resolving): HeldPem | undefined {
  const written = textOf(section)
  if (written === undefined) return undefined
  if (written.includes('-----BEGIN')) {
    resolving.report({
      code: 'gateway.tls-plain',
      message: 'The PEM text stands in the policy itself.',
      hint: 'Write the path of its file, or declare it under secrets: and write "${secret:name}".',
      at: section.place,
    })
    return undefined
  }
  if (written.includes('${')) {
    const held = resolving.secretText(section)
    if (held === undefined) return undefined
    for (const piece of held) {
      const file = typeof piece === 'string' ? undefined : resolving.secretFile(piece.secret)
      if (file !== undefined) files.push(file)
    }
    const values = held.map((piece) =>
      typeof piece === 'string' ? piece : resolving.vault.get(piece.secret)?.reveal(),
    )
    // A secret that could not be read has been told.
    return values.includes(undefined) ? undefined : { held, text: values.join('') }
  }
  const path = resolve(resolving.folder, dirname(section.place.file), written)
  files.push(path)
  const text = resolving.hasStandIns ? '' : readFile(path, written, section, resolving)
  return text === undefined ? undefined : { held: resolving.hold(`listeners.public.tls.${part}`, text), text }
}

function readFile(path: string, written: string, section: NodeSection, { report }: Resolving): string | undefined {
  const refuse = (why: string, hint: string): undefined => {
    report({ code: 'gateway.tls-unreadable', message: `${written} cannot be read: ${why}.`, hint, at: section.place })
  }
  try {
    const stat = statSync(path)
    if (!stat.isFile()) return refuse('it is no file', 'Name a plain file.')
    if (stat.size > maxPemBytes) return refuse('it is larger than 1 MiB', 'Name a PEM file.')
    return readFileSync(path, 'latin1')
  } catch (error) {
    return refuse(reasonOf(error), 'Check the path and who may read it.')
  }
}

function judgePair(cert: string, key: string, section: NodeSection, { report, certificateInUse }: Resolving): void {
  const found = readKeyPair(cert, key)
  if ('message' in found) {
    const { part, message, hint } = found
    return report({ code: `gateway.tls-${part}-unusable`, message, hint, at: section.get(part).place })
  }
  const at = section.get('cert').place
  const now = Date.now()
  // The one that serves ran out meanwhile: callers have noticed, and a change of the rules must not be kept from them.
  const severity = found.sha256 === certificateInUse ? 'warning' : 'error'
  if (found.validTo <= now || found.validFrom > now) {
    const message =
      found.validTo <= now
        ? `The certificate ran out on ${day(found.validTo)}.`
        : `The certificate is not valid before ${day(found.validFrom)}.`
    const hint = 'Renew it; every certificate of the chain counts. If it should be valid, look at the clock.'
    report({ code: 'gateway.tls-cert-expired', message, hint, at, severity })
  } else if (found.validTo - now < soonMs) {
    report({
      code: 'gateway.tls-cert-expires',
      message: `The certificate runs out on ${day(found.validTo)}.`,
      hint: 'Renew it: a new pair is taken while the gateway serves.',
      at,
      severity: 'warning',
    })
  }
}

function judgeAuthorities(text: string, section: NodeSection, { report }: Resolving): void {
  const authorities = readCertificates(text)
  const refuse = (message: string): void =>
    report({
      code: 'gateway.tls-ca-unusable',
      message,
      hint: 'Give the certificates of the authorities that sign client certificates, in PEM.',
      at: section.place,
    })
  if (authorities === null || authorities.length === 0) refuse('This holds no certificate that can be read.')
  else if (authorities.some(({ ca }) => !ca)) refuse('A certificate in it is no authority: it may sign no other.')
}

function day(at: number): string {
  return new Date(at).toISOString().slice(0, 10)
}
