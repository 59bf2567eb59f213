import { createHash } from 'node:crypto'
import { readCertificates } from '../../values/certificate.js'
import { allow, type Check, type Deny, deny, type Evidence, type Identity, type Tools } from '../contract.js'
import { type Validity, verifyChain } from './certificate-chain.js'
import { challenges } from './challenges.js'
import { clientCertificates, type ShownCertificate } from './client-certificate.js'
import { reasons } from './reasons.js'
import type { MtlsMethod } from './settings.js'
import { nameRule, type SubjectName, subjectNames } from './subject-names.js'

const challenge = { headers: challenges.certificate }
const missing = deny(reasons.missing, { certificate: 'none' }, challenge)
const repeated = deny(reasons.credentialsRepeated, { header: 'client-cert' })
const malformed = deny(reasons.certificateMalformed, { header: 'client-cert' }, challenge)

/** What is known of a certificate that passed once. */
interface Known {
  readonly validity: Validity
  readonly identity: Identity
}

/** Certificates that passed lately, by fingerprint; each costs a chain of signature checks. */
const mostKnown = 1_024

/**
 * Knows the caller by the certificate of its connection, or by the one that a trusted proxy saw (RFC 9440): vouched for
 * by an authority, valid now, and one that the policy admits.
 */
export function checkCertificate(method: MtlsMethod, tools: Pick<Tools, 'clock' | 'revocations' | 'trusts'>): Check {
  const { clock, revocations } = tools
  const certificates = clientCertificates(tools)
  const authorities = method.ca === null ? null : (readCertificates(method.ca) ?? [])
  const rules = method.san.map(nameRule)
  const admitted = new Set(method.fingerprints)
  let young = new Map<string, Known>()
  let old = new Map<string, Known>()

  return (exchange) => {
    const shown = certificates.of(exchange)
    if (shown === null) return missing
    if (shown === 'repeated') return repeated
    if (shown === 'unreadable') return malformed
    // The handshake's own judgement is of this connection, whatever another one was remembered for.
    if (!shown.isForwarded && !shown.isAuthorized) return untrusted(shown, shown.fault ?? 'no authority vouches for it')
    const key = `${shown.isForwarded ? 'by proxy' : 'by handshake'} ${shown.sha256}`
    const known = young.get(key) ?? old.get(key) ?? judge(shown)
    if ('outcome' in known) return known
    remember(key, known)
    const now = clock.now()
    if (now < known.validity.from || now >= known.validity.to) {
      return deny(
        reasons.certificateExpired,
        evidenceOf(shown, now < known.validity.from ? 'not yet' : 'ran out'),
        challenge,
      )
    }
    exchange.identity = known.identity
    const revoked = revocations.covers(known.identity, null)
    if (revoked !== null) return deny(reasons.revoked, { ...evidenceOf(shown, 'revoked'), ...revoked }, challenge)
    return allow
  }

  function judge(shown: ShownCertificate): Known | Deny {
    const validity = vouchedFor(shown)
    if (typeof validity === 'string') return untrusted(shown, validity)
    const names = subjectNames(shown.subjectAltName)
    const named = rules.length === 0 ? names[0] : names.find((name) => rules.some((admits) => admits(name)))
    const isListed = admitted.size === 0 || admitted.has(shown.sha256)
    if ((rules.length > 0 && named === undefined) || !isListed) {
      const found = isListed ? `names: ${names.length}` : 'another fingerprint'
      return deny(reasons.certificateNotAdmitted, evidenceOf(shown, found), challenge)
    }
    return { validity, identity: identityOf(shown, names, named) }
  }

  /** By an authority of the policy; without any, by the handshake or because the very certificate is listed. */
  function vouchedFor(shown: ShownCertificate): Validity | string {
    if (authorities !== null) return verifyChain(shown.raw, shown.chain, authorities)
    const own = { from: shown.validFrom, to: shown.validTo }
    if (!shown.isForwarded) return own
    return admitted.has(shown.sha256) ? own : 'no authority is named'
  }

  function remember(key: string, known: Known): void {
    if (young.has(key)) return
    if (young.size >= mostKnown) {
      old = young
      young = new Map()
    }
    young.set(key, known)
  }
}

function untrusted(shown: ShownCertificate, why: string): Deny {
  return deny(reasons.certificateUntrusted, evidenceOf(shown, why), challenge)
}

/** A fingerprint names a certificate to whoever has it, and says nothing to anybody else. */
function evidenceOf({ sha256, isForwarded }: ShownCertificate, found: string): Evidence {
  return { fingerprint: sha256, from: isForwarded ? 'a trusted proxy' : 'the connection', found }
}

function identityOf(shown: ShownCertificate, names: readonly SubjectName[], named: SubjectName | undefined): Identity {
  const common = /^CN=(.{1,256})$/m.exec(shown.subject)?.[1]
  const subject = printable(named?.value ?? common ?? shown.sha256) ?? shown.sha256
  return Object.freeze({
    method: 'mtls',
    subject,
    clientId: subject,
    plan: null,
    scopes: new Set<string>(),
    claims: Object.freeze({
      sub: subject,
      subject: shown.subject.replaceAll('\n', ', '),
      issuer: shown.issuer.replaceAll('\n', ', '),
      san: names.map(({ kind, value }) => `${kind}:${value}`),
      fingerprint: shown.sha256,
      'x5t#S256': createHash('sha256').update(shown.raw).digest('base64url'),
    }),
  })
}

/** What a log line and a header can hold. */
function printable(text: string): string | null {
  return /^[\x21-\x7e]{1,512}$/.test(text) ? text : null
}
