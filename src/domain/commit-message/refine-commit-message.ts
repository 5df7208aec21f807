import { randomUUID } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import { z } from 'zod'
import { refineMessageJob } from '../../jobs/refine-message.ts'
import type { Viewer } from '../actor/viewer.ts'
import { tellDiff } from '../diff/change-diff-status.ts'
import type { MessageRefinement } from '../diff/diff.entity.ts'
import { BudgetExceededError, ModelFailedError } from '../errors.ts'
import { sha256 } from '../shared/canonical-hash.ts'
import { rows } from '../shared/database.ts'
import type { Services } from '../shared/services.ts'
import { transact } from '../shared/transact.ts'
import { fieldFault, prose, validate } from '../shared/validate.ts'
import { findWordable } from './change-message.ts'

const input = z.object({ diffId: z.uuid(), instructions: prose(4_000).nullish() })
export type RefineCommitMessageInput = z.input<typeof input>

const lookMs = 150

// Proxies give up on a request after a minute; the work goes on without it, and DiffChanged tells.
const patienceMs = 50_000

/** Stores the wish and asks for the work. The same wish again is the one that is under way. @returns its id */
const wishFor = (
  services: Services,
  viewer: Viewer,
  { diffId, instructions = null }: z.output<typeof input>,
): Promise<string> =>
  transact(services, async (tx) => {
    const { diff } = await findWordable(tx, viewer, diffId)
    const messageHash = sha256(diff.commitMessage)
    const open = diff.refinement?.failure === null ? diff.refinement : undefined
    if (open?.instructions === instructions && open.messageHash === messageHash) return open.id
    if (open) throw fieldFault('instructions', 'the message is being worded by others already: wait until it is there')
    const id = randomUUID()
    diff.refinement = { id, requestedById: viewer.actor.id, instructions, messageHash, failure: null }
    tellDiff(tx, diff)
    tx.enqueue(refineMessageJob, { diffId })
    return id
  })

/** What became of a wish; undefined while it is under way. */
const outcomeOf = async (
  services: Services,
  diffId: string,
  id: string,
): Promise<{ readonly failure: MessageRefinement['failure'] } | undefined> => {
  const { refinement } = await rows(services.em())
    .selectFrom('Diff')
    .select('refinement')
    .where('id', '=', diffId)
    .executeTakeFirstOrThrow()
  if (refinement?.id !== id) return { failure: null }
  return refinement.failure === null ? undefined : refinement
}

/**
 * Has the evaluator word a diff's commit message anew, from the diff alone, and waits for it. No approval survives it:
 * nobody has read the new message yet. A second click while it is under way waits for the same answer, and where the
 * person goes, or the process dies, the work is brought to its end without them.
 * @returns the diff's id
 * @throws NotFoundError, ForbiddenError, ValidationError, InvalidTransitionError, and, with nothing changed,
 *   BudgetExceededError and ModelFailedError
 */
export const refineCommitMessage = async (
  services: Services,
  viewer: Viewer,
  given: RefineCommitMessageInput,
): Promise<string> => {
  const checked = validate(input, given)
  const { diffId } = checked
  const id = await wishFor(services, viewer, checked)
  const until = performance.now() + patienceMs
  for (;;) {
    const outcome = await outcomeOf(services, diffId, id)
    if (outcome?.failure) {
      const { code, message, budgetId } = outcome.failure
      throw budgetId === null ? new ModelFailedError(code, message) : new BudgetExceededError(budgetId, message)
    }
    if (outcome || performance.now() > until) return diffId
    await wait(lookMs)
  }
}
