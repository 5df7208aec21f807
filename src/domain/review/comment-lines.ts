import type { DiffRow } from '../diff/diff.entity.ts'
import type { Services } from '../shared/services.ts'
import type { DiffSide } from './review-comment.entity.ts'

/** A file's lines on one side of a diff; undefined when it has no such text file there. */
export const sideLines = async (
  { git }: Pick<Services, 'git'>,
  diff: Pick<DiffRow, 'projectId' | 'baseTree' | 'resultTree'>,
  path: string,
  side: DiffSide,
): Promise<readonly string[] | undefined> => {
  const content = await git.readContent(diff.projectId, side === 'BEFORE' ? diff.baseTree : diff.resultTree, path)
  const text = content?.toString('utf8')
  if (text === undefined || text.includes('\u0000')) return undefined
  const lines = text.split('\n')
  return text.endsWith('\n') ? lines.slice(0, -1) : lines
}
