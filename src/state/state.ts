import type { Kept } from './kept.js'
import type { Pools } from './pools.js'

/** What outlives a reload. A generation owns no memory: it borrows from here. */
export interface State {
  readonly pools: Pools
  readonly kept: Kept
}
