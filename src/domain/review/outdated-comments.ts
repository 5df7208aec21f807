import { sql } from 'kysely'
import type { DiffRow } from '../diff/diff.entity.ts'
import { parseHunks } from '../diff/hunks.ts'
import { rows } from '../shared/database.ts'
import type { Services } from '../shared/services.ts'
import type { ReviewCommentRow } from './review-comment.entity.ts'

interface Iteration extends Pick<DiffRow, 'projectId' | 'baseTree' | 'resultTree'> {
  readonly of: string
}

/** Each diff and the newest one in its place, in one query. */
const newestOf = async (services: Services, diffIds: readonly string[]) => {
  const { rows: found } = await sql<{
    of: string
    projectId: string
    baseTree: string
    resultTree: string
    steps: number
  }>`
    with recursive later(id, of, steps) as (
      select id, id, 0 from diff where id = any(${[...new Set(diffIds)]}::uuid[])
      union all
      select diff.id, later.of, later.steps + 1 from later join diff on diff.supersedes_id = later.id
    )
    select later.of::text as of, diff.project_id::text as "projectId", diff.base_tree as "baseTree",
      diff.result_tree as "resultTree", later.steps
    from later join diff on diff.id = later.id order by later.of, later.steps, diff.created_at`.execute(
    rows(services.em()),
  )
  const first = new Map<string, Iteration>()
  const newest = new Map<string, Iteration>()
  for (const iteration of found) {
    if (iteration.steps === 0) first.set(iteration.of, iteration)
    newest.set(iteration.of, iteration)
  }
  return { first, newest }
}

/** Whether a patch takes a line of its old version away, counted from 1. */
const removesLine = (patch: string, line: number): boolean =>
  parseHunks(patch).some(({ oldStart, text }) => {
    let at = oldStart
    return text
      .split('\n')
      .slice(1)
      .some((each) => {
        if (each.startsWith('+') || each.startsWith('\\') || each === '') return false
        const removed = each.startsWith('-') && at === line
        at += 1
        return removed
      })
  })

/**
 * Whether the newest iteration of each remark's diff has changed the line that it is on. In the order of the remarks.
 */
export const outdatedComments = async (
  services: Services,
  comments: readonly ReviewCommentRow[],
): Promise<readonly boolean[]> => {
  const { first, newest } = await newestOf(
    services,
    comments.map(({ diffId }) => diffId),
  )
  return Promise.all(
    comments.map(async ({ diffId, path, side, line }) => {
      const [then, now] = [first.get(diffId), newest.get(diffId)]
      if (!then || !now) return false
      const [from, to] = side === 'BEFORE' ? [then.baseTree, now.baseTree] : [then.resultTree, now.resultTree]
      if (from === to) return false
      const changed = await services.git.changedFiles(then.projectId, from, to)
      const file = changed.find((each) => (each.previousPath ?? each.path) === path && each.kind !== 'COPIED')
      return file !== undefined && (file.kind === 'DELETED' || removesLine(file.patch, line))
    }),
  )
}
