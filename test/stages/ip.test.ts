import t from 'tap'
import type { Tools } from '../../src/stages/contract.js'
import { ip } from '../../src/stages/ip/stage.js'
import { canonicalAddress } from '../../src/values/address.js'
import { makeExchange } from '../support/exchange.js'
import { makeScope } from '../support/stage-scope.js'

function resolve(text: string) {
  const { scope, findings, section } = makeScope()
  return { planned: ip.resolve(section(text), scope), findings }
}

/** What the policy says of an address, as the gateway would know it. */
function judge(text: string): (address: string) => unknown {
  const [step] = resolve(text).planned
  if (step === undefined) throw new Error('nothing was planned')
  const check = ip.compile(step.settings, {} as unknown as Tools) // `ip` borrows nothing
  return (address) => {
    const verdict = check(makeExchange({ address: canonicalAddress(address) ?? address }))
    return 'outcome' in verdict && verdict.outcome === 'deny'
      ? [verdict.reason.code, verdict.reason.status, verdict.evidence['list']]
      : 'allow'
  }
}

t.test('addresses are let in or refused as the lists say', (t) => {
  const byDeny = ['ip.denied', 403, 'deny']
  const byAllow = ['ip.denied', 403, 'allow']
  const rows: readonly [policy: string, address: string, verdict: unknown][] = [
    ['allow: [203.0.113.0/24]', '203.0.113.7', 'allow'],
    ['allow: [203.0.113.0/24]', '203.0.114.7', byAllow],
    ['allow: [203.0.113.0/24]', '::ffff:203.0.113.7', 'allow'],
    ['allow: [203.0.113.0/24]', '2001:db8::1', byAllow],
    ['allow: ["::ffff:203.0.113.0/120"]', '203.0.113.7', 'allow'],
    ['allow: ["2001:db8::/32"]', '2001:db8:ffff::1', 'allow'],
    ['allow: ["2001:db8::/32"]', '2001:db9::1', byAllow],
    ['allow: [203.0.113.7]', '203.0.113.7', 'allow'],
    ['allow: [203.0.113.7]', '203.0.113.8', byAllow],
    ['deny: [203.0.113.0/24]', '203.0.113.7', byDeny],
    ['deny: [203.0.113.0/24]', '::ffff:cb00:7107', byDeny],
    ['deny: [203.0.113.0/24]', '198.51.100.1', 'allow'],
    ['deny: [203.0.113.0/24]', '2001:db8::1', 'allow'],
    ['allow: [203.0.113.0/24], deny: [203.0.113.66]', '203.0.113.65', 'allow'],
    ['allow: [203.0.113.0/24], deny: [203.0.113.66]', '203.0.113.66', byDeny],
    ['deny: [0.0.0.0/0]', '2001:db8::1', 'allow'],
    ['deny: [0.0.0.0/0, "::/0"]', '2001:db8::1', byDeny],
  ]
  for (const [policy, address, verdict] of rows)
    t.same(judge(`ip: { ${policy} }`)(address), verdict, `${address} with ${policy}`)
  t.end()
})

t.test('an address that cannot be read is in no list', (t) => {
  t.same(judge('ip: { allow: [203.0.113.0/24] }')(''), ['ip.denied', 403, 'allow'])
  t.same(judge('ip: { allow: [203.0.113.0/24] }')('unknown'), ['ip.denied', 403, 'allow'])
  t.end()
})

t.test('every block that cannot be read is reported at its place', (t) => {
  const { findings } = resolve('ip: { allow: [203.0.113.0/24, 203.0.113.0/99, ten], deny: [localhost] }')
  t.match(findings, [
    { code: 'ip.block-unreadable', at: { column: 31 } },
    { code: 'ip.block-unreadable', at: { column: 47 } },
    { code: 'ip.block-unreadable', at: { column: 60 } },
  ])
  t.equal(findings.length, 3)
  t.end()
})

t.test('a list whose every block is unreadable lets nobody in', (t) => {
  t.match(resolve('ip: { allow: [ten] }').planned, [{ settings: { allow: [], deny: [] } }])
  t.end()
})

t.test('without lists nothing is planned', (t) => {
  t.same(resolve('auth: none'), { planned: [], findings: [] })
  t.end()
})
