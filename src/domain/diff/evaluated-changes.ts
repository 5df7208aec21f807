import type { EntityManager } from '@mikro-orm/postgresql'
import { rows } from '../shared/database.ts'
import type { DiffRow } from './diff.entity.ts'

type Subject = Pick<DiffRow, 'id' | 'sessionId' | 'changeHash'>

/**
 * Those of the diffs that no evaluator stands against: all that are of no session, and of a session's those whose change
 * the evaluator approved when it last saw it, on whatever base that was.
 */
export const approvedByEvaluators = async (
  em: EntityManager,
  diffs: readonly Subject[],
): Promise<ReadonlySet<string>> => {
  const sessionIds = diffs.flatMap(({ sessionId }) => sessionId ?? [])
  const verdicts =
    sessionIds.length === 0
      ? []
      : await rows(em)
          .selectFrom('Message')
          .innerJoin('Diff', 'Diff.id', 'Message.diffId')
          .select(['Message.sessionId', 'Message.verdict', 'Diff.changeHash'])
          .where('Message.sessionId', 'in', sessionIds)
          .where('Message.role', '=', 'EVALUATOR')
          .orderBy('Message.createdAt')
          .execute()
  const isApproved = ({ sessionId, changeHash }: Subject): boolean =>
    sessionId === null ||
    verdicts.findLast((each) => each.sessionId === sessionId && each.changeHash === changeHash)?.verdict === 'APPROVED'
  return new Set(diffs.filter(isApproved).map(({ id }) => id))
}
