import tap from 'tap'
import { quantile } from '../support/load.js'
import { brokenEdits, editedGateway, policyAt, runEdits, startEcho } from '../support/policy-edits.js'
import { startServing } from '../support/serving.js'

tap.test('a policy that is edited under load, every other time to something broken', async (t) => {
  const echo = await startEcho()
  t.teardown(() => echo.close())
  const serving = await startServing(t, {
    'hmac.txt': 'a secret of the test, thirty-two bytes and more',
    'gateway.yaml': editedGateway,
    'routes.yaml': policyAt(1, echo.port),
  })
  const { load, liveMs, stuck, halfMade, limitedAdmitted } = await runEdits({
    folder: serving.folder,
    port: serving.port,
    upstreamPort: echo.port,
    edits: brokenEdits.length * 2,
    rate: 300,
    refusals: () => serving.events.filter(({ event }) => event === 'reload-refused').length,
  })
  t.same(stuck, [], 'each sound edit goes live and each broken one is refused')
  t.equal(load.lost + load.unaccepted + load.refused, 0, `of ${load.answered} requests none is lost`)
  t.equal(halfMade, 0, 'none is judged by anything but a whole, accepted policy')
  t.same(load.wrong, [], 'every answer is what its policy says')
  t.equal(limitedAdmitted, 3, 'a limit of three admits three, whatever is reloaded meanwhile')
  // The median, since a busy machine makes any one of them late.
  t.ok(quantile(liveMs, 0.5) <= 1_000, `live after ${Math.round(quantile(liveMs, 0.5))} ms`)
})
