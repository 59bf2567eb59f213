import { deepFreeze } from '../../plan/freeze.js'
import type { RoutePlan } from '../../plan/plan.js'
import { stages as allStages } from '../../stages/all.js'
import type { Section } from '../../stages/contract.js'
import type { Loaded } from '../load.js'
import { Memory } from '../memory.js'
import type { WrittenSet } from '../onlooker.js'
import { type LoadOptions, planFromFolder } from '../plan-from-folder.js'
import type { Environment } from '../secrets.js'
import { type Audit, audit } from './audit.js'
import { auditedSet } from './audited-set.js'

export interface AuditOptions extends LoadOptions {
  /** Epoch ms; what is past its day is judged by it. */
  readonly now?: number
  /** In place of the process's own. */
  readonly environment?: Environment
}

/** What `postern check` knows of a folder: the problems of the loader, and the audit of a set that has none. */
export interface AuditedFolder extends Loaded {
  /** Null where the set is refused: there is no effective policy to judge. */
  readonly audit: Audit | null
}

/** Loads a policy folder as the gateway does, and judges what it allows. Never throws for what the folder holds. */
export async function auditFolder(folder: string, options: AuditOptions = {}): Promise<AuditedFolder> {
  const started = performance.now()
  const { now = Date.now(), environment, ...load } = options
  const policies = new Map<RoutePlan, Section>()
  let written: WrittenSet | undefined
  const onlooker = {
    begin(set: WrittenSet) {
      written = set
      policies.clear()
    },
    route(plan: RoutePlan, policy: Section) {
      policies.set(plan, policy)
    },
  }
  const built = planFromFolder(folder, load, allStages, new Memory(), environment, onlooker)
  const plan = built.plan === null ? null : deepFreeze(built.plan)
  const judged = plan === null || written === undefined ? null : audit(auditedSet(plan, written, policies, now))
  return { ...built, plan, audit: judged, milliseconds: performance.now() - started }
}
