import { type Allow, allow, type Stage } from '../contract.js'
import { grants } from './grants.js'
import { reasons } from './reasons.js'
import { resolve } from './resolve.js'
import { keys } from './schema.js'
import type { CorsSettings } from './settings.js'

const strange: Allow = { outcome: 'allow', evidence: { origin: 'not listed' } }

/**
 * May pages of this origin read the answer? A request itself is never refused: it may come from anything that is no
 * browser, and a browser keeps what it may not read. Its preflight is refused (preflight.ts).
 */
export const cors: Stage<CorsSettings> = {
  name: 'cors',
  keys,
  reasons,
  resolve,

  compile(settings) {
    const granted = grants(settings)
    const expose = settings.exposeHeaders.join(', ')
    const exposed = expose === '' ? [] : ['access-control-expose-headers', expose]
    return ({ headers: { origin }, answerHeaders }) => {
      // Also where nobody is named: a cache must not hand the answer for one origin to the pages of another.
      if (settings.origins !== null) answerHeaders.push('vary', 'Origin')
      if (origin === undefined) return allow
      const grant = granted(String(origin))
      if (grant === null) return strange
      answerHeaders.push(...grant, ...exposed)
      return allow
    }
  },
}
