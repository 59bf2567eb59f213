import t from 'tap'
import { isForbiddenAddress } from '../../src/state/pools.js'

t.test('no upstream may resolve to where a cloud keeps its credentials', async (t) => {
  const forbidden = [
    '169.254.169.254',
    '169.254.170.2',
    '169.254.0.1',
    '100.100.100.200',
    'fe80::1',
    'fd00:ec2::254',
    '::ffff:169.254.169.254',
  ]
  for (const address of forbidden) t.ok(isForbiddenAddress(address, address.includes(':') ? 6 : 4), address)
})

t.test('the nearest ordinary address may be one', async (t) => {
  const ordinary = [
    '169.253.255.255',
    '169.255.0.1',
    '100.100.100.201',
    '10.0.0.1',
    '127.0.0.1',
    '::1',
    'fec0::1',
    'fd00:ec2::253',
    '::ffff:10.0.0.1',
  ]
  for (const address of ordinary) t.notOk(isForbiddenAddress(address, address.includes(':') ? 6 : 4), address)
})
