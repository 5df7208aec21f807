import type { DiffRow } from '../diff/diff.entity.ts'
import type { HeldLease } from '../lease/lease.ts'
import { rows } from '../shared/database.ts'
import type { Services } from '../shared/services.ts'
import { turnPrompt } from './session-prompts.ts'
import { SessionTurn, type SessionTurnRow } from './session-turn.entity.ts'
import { toTurnStatus } from './turn.status.ts'
import type { TurnState } from './turn-state.ts'

/** Where the coder's work begins, and what it is told of how it came to be there. */
interface Beginning {
  readonly baseCommit: string
  readonly tree: string
  readonly notices: readonly string[]
}

const subjectOf = (message: string): string => message.split('\n', 1)[0] ?? ''

/** Whether a person has put another diff in the place of the one that the workspace is: a rebase, or some of its hunks. */
const isReplaced = async (services: Services, last: DiffRow, tree: string): Promise<boolean> => {
  for (let { supersedesId, resultTree } = last; resultTree !== tree; ) {
    if (supersedesId === null) return false
    const earlier = await rows(services.em())
      .selectFrom('Diff')
      .select(['supersedesId', 'resultTree'])
      .where('id', '=', supersedesId)
      .executeTakeFirstOrThrow()
    supersedesId = earlier.supersedesId
    resultTree = earlier.resultTree
  }
  return last.resultTree !== tree
}

/** After a commit: the branch's head, with what the coder had changed beyond the commit carried over where that is clean. */
const afterCommit = async (
  services: Services,
  state: TurnState,
  before: { baseCommit: string; tree: string },
  committed: DiffRow,
  head: string,
): Promise<Beginning> => {
  const { project } = state
  const headTree = await services.git.treeOf(project.id, head)
  const told = `Your change "${subjectOf(committed.commitMessage)}" was committed to ${committed.targetBranch} as ${committed.commitOid}. The workspace is now the head of that branch, ${head}.`
  const baseTree = await services.git.treeOf(project.id, before.baseCommit)
  if (before.tree === committed.resultTree || before.tree === baseTree) {
    return { baseCommit: head, tree: headTree, notices: [told] }
  }
  const merged = await services.git.mergeChange(project.id, { base: before.baseCommit, tree: before.tree }, head)
  return merged.tree === null
    ? {
        baseCommit: head,
        tree: headTree,
        notices: [`${told} What you had changed in the workspace since then conflicts with it and is gone.`],
      }
    : { baseCommit: head, tree: merged.tree, notices: [`${told} What you had changed since then is still in it.`] }
}

/** Where a turn begins: an unfinished change goes on from its own tree, otherwise from the branch's head. */
const beginningOf = async (services: Services, state: TurnState, epoch: number): Promise<Beginning> => {
  const { project, turns, turn, lastDiff } = state
  const head = await services.git.branchHead(project.id, project.targetBranch ?? '')
  if (!head) throw new Error(`The branch ${project.targetBranch} of the project ${project.id} has no commit.`)
  const previous: SessionTurnRow | undefined = turns.findLast(
    ({ id, baseCommit }) => id !== turn.id && baseCommit !== null,
  )
  if (!previous || previous.baseCommit === null) {
    return { baseCommit: head, tree: await services.git.treeOf(project.id, head), notices: [] }
  }
  const before = { baseCommit: previous.baseCommit, tree: previous.tree ?? previous.startTree ?? '' }
  if (lastDiff?.status === 'COMMITTED' && epoch > previous.epoch) {
    return afterCommit(services, state, before, lastDiff, head)
  }
  if (before.tree === (await services.git.treeOf(project.id, before.baseCommit))) {
    const moved = head === before.baseCommit ? [] : [`The branch has moved on; the workspace is its head now, ${head}.`]
    return { baseCommit: head, tree: await services.git.treeOf(project.id, head), notices: moved }
  }
  if (lastDiff && lastDiff.createdAt > (previous.finishedAt ?? previous.createdAt)) {
    if (await isReplaced(services, lastDiff, before.tree)) {
      const told = `A person put another version in the place of your change: only some of it, or the same on a newer base. The workspace is now that version, on the commit ${lastDiff.baseCommit}.`
      return { baseCommit: lastDiff.baseCommit, tree: lastDiff.resultTree, notices: [told] }
    }
  }
  return { ...before, notices: [] }
}

/** How many of a session's diffs are committed. */
const countCommitted = async (services: Services, sessionId: string): Promise<number> => {
  const { count } = await rows(services.em())
    .selectFrom('Diff')
    .select((row) => row.fn.countAll<string>().as('count'))
    .where('sessionId', '=', sessionId)
    .where('status', '=', 'COMMITTED')
    .executeTakeFirstOrThrow()
  return Number(count)
}

/** Begins a turn that has waited: its base, its workspace and what the coder is told are fixed from here on. */
export const beginTurn = async (services: Services, lease: HeldLease, state: TurnState): Promise<void> => {
  const epoch = await countCommitted(services, state.session.id)
  const { baseCommit, tree, notices } = await beginningOf(services, state, epoch)
  await lease.transact(async (tx) => {
    const turn = await tx.em.findOneOrFail(SessionTurn, { id: state.turn.id })
    turn.status = toTurnStatus(turn.status, 'RUNNING')
    turn.startedAt = tx.now
    turn.epoch = epoch
    turn.baseCommit = baseCommit
    turn.startTree = tree
    turn.tree = tree
    turn.prompt = turnPrompt(turn, notices)
  })
}
