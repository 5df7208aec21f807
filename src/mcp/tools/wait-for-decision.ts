import { z } from 'zod'
import { isStillSignedIn } from '../../domain/actor/authenticate.ts'
import type { DiffStatus } from '../../domain/diff/diff.status.ts'
import { ForbiddenError } from '../../domain/errors.ts'
import { currentCursor } from '../../domain/event/read-events.ts'
import { found } from '../../schema/found.ts'
import { diffShape } from '../diff-shape.ts'
import { isGivenUp, showDiff } from '../show-diff.ts'
import { defineTool, reads } from '../tool.ts'
import { findDiff, loadersOf } from '../visible-rows.ts'

/** Hosts give a call up after a minute. */
const longestSeconds = 55
const standardSeconds = 45

const ended: readonly DiffStatus[] = ['COMMITTED', 'HUMAN_REJECTED', 'SUPERSEDED']
const awaited: Readonly<Record<'decision' | 'commit', readonly DiffStatus[]>> = {
  decision: ['APPROVED', ...ended],
  commit: ended,
}

export const waitForDecision = defineTool({
  name: 'wait_for_decision',
  title: 'Wait for the decision',
  description: `Waits until people have decided on a diff, or will not since its project is archived, at most ${longestSeconds} seconds, and answers where it stands. While decided is false, call again: the id is all it takes, also after a restart.`,
  annotations: reads,
  input: z.strictObject({
    diffId: z.string().describe('As propose_patch gives it.'),
    until: z
      .enum(['decision', 'commit'])
      .default('decision')
      .describe(
        'decision: APPROVED, HUMAN_REJECTED or SUPERSEDED. commit: an approved one is waited for until it is on its branch.',
      ),
    timeoutSeconds: z.int().min(0).max(longestSeconds).default(standardSeconds).describe('0 answers at once.'),
  }),
  output: z.object({
    decided: z.boolean().describe('False: call again. True: diff.status says why, or diff.projectArchived.'),
    diff: diffShape,
  }),
  async run(context, { diffId, until, timeoutSeconds }) {
    const { services, viewer, feed, stop } = context
    // Anew each time: what was read before must not be shown again, and the viewer may have lost the right to see it.
    const read = async () => {
      if (!(await isStillSignedIn(services, viewer))) throw new ForbiddenError('Your token does not hold any more.')
      const load = loadersOf(context)
      const diff = await findDiff(load, diffId)
      const project = found(await load.project.load(diff.projectId))
      return { load, diff, decided: awaited[until].includes(diff.status) || isGivenUp(diff, project) }
    }
    const cursor = await currentCursor(services.em())
    let seen = await read()
    if (!seen.decided && timeoutSeconds > 0) {
      const enough = AbortSignal.any([stop, AbortSignal.timeout(timeoutSeconds * 1_000)])
      const filter = { projectIds: [seen.diff.projectId], diffId: seen.diff.id }
      for await (const _ of feed.follow(filter, cursor, enough)) {
        seen = await read()
        if (seen.decided) break
      }
      if (!seen.decided) seen = await read()
    }
    return { value: { decided: seen.decided, diff: await showDiff(seen.load, seen.diff) } }
  },
})
