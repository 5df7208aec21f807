import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { authenticate } from '../../src/domain/actor/authenticate.ts'
import type { Viewer } from '../../src/domain/actor/viewer.ts'
import { commitDiff } from '../../src/domain/commit/commit-diff.ts'
import { settleCommit } from '../../src/domain/commit/settle-commit.ts'
import type { Services } from '../../src/domain/shared/services.ts'
import {
  commit,
  commitBehindOurBack,
  diffState,
  gitOf,
  proposed,
  review,
  type ShownDiff,
  sqlOf,
} from '../factories/gate.ts'
import { addsFile, readyProject, rowId } from '../factories/pipeline.ts'
import { createTestDatabase } from '../support/database.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

const stack = new AsyncDisposableStack()
let server: TestServer
let projects: string[]
beforeAll(async () => {
  const { url: databaseUrl } = stack.use(await createTestDatabase())
  const { path: dataDir } = stack.use(await temporaryDirectory())
  {
    await using earlier = await startTestServer({ rehearsal: false, databaseUrl, dataDir })
    projects = await Promise.all(Array.from({ length: 7 }, () => readyProject(earlier)))
  }
  // No worker: here the tests decide who settles a commit, and when.
  server = stack.use(await startTestServer({ rehearsal: false, databaseUrl, dataDir, pools: {} }))
})
afterAll(() => stack.disposeAsync())

const nextProject = async (): Promise<string> => {
  const projectId = projects.pop()
  if (projectId === undefined) throw new Error('There are too few projects for the tests.')
  return projectId
}

const note = addsFile('note.txt', ['A note.'])

const approved = async (projectId: string, content = note): Promise<ShownDiff> => {
  const diff = await proposed(server, projectId, { content })
  expect(await review(server, diff)).toMatchObject({ status: 'APPROVED' })
  return diff
}

/** The administrator, as the commands see them. */
const administrator = async (): Promise<Viewer> => {
  const { services } = server.context
  const viewer = await authenticate(services, server.token)
  if (!viewer) throw new Error('There is no administrator.')
  return viewer
}

/** The process's services, where moving a branch ends like a process that is killed before or after it. */
const killed = (when: 'before' | 'after'): Services => {
  const { services } = server.context
  return {
    ...services,
    git: {
      ...services.git,
      async moveBranch(...move) {
        if (when === 'after') await services.git.moveBranch(...move)
        throw new Error('killed')
      },
    },
  }
}

/** A diff whose commit was decided on by a process that was killed then. */
const underWay = async (projectId: string, when: 'before' | 'after', content?: string): Promise<ShownDiff> => {
  const diff = await approved(projectId, content)
  await expect(commitDiff(killed(when), await administrator(), rowId(diff.id))).rejects.toThrow('killed')
  expect((await diffState(server, diff.id)).status).toBe('COMMITTING')
  return diff
}

const history = async (projectId: string) => (await gitOf(server, projectId, 'rev-list', 'main')).split('\n')

describe.concurrent('a commit that a killed process left', () => {
  it.each(['before', 'after'] as const)(
    '%s the branch moved, ends COMMITTED with the very commit it was to be',
    async (when) => {
      const projectId = await nextProject()
      const diff = await underWay(projectId, when)
      const [row] = await sqlOf(server, "select commit_intent->>'oid' as oid from diff where id = $1", [rowId(diff.id)])
      const { services } = server.context
      await Promise.all(Array.from({ length: 20 }, () => settleCommit(services, rowId(diff.id))))
      await settleCommit(services, rowId(diff.id))
      expect((await diffState(server, diff.id)).status).toBe('COMMITTED')
      expect(await history(projectId)).toEqual([row?.oid, diff.baseCommit])
      const events = await sqlOf(server, "select body->>'status' as status from event where diff_id = $1 order by id", [
        rowId(diff.id),
      ])
      expect(events.map(({ status }) => status)).toEqual([
        'PROPOSED',
        'HUMAN_REVIEWING',
        'APPROVED',
        'COMMITTING',
        'COMMITTED',
      ])
    },
  )

  it('after the branch moved, and moved on since, is still COMMITTED', async () => {
    const projectId = await nextProject()
    const diff = await underWay(projectId, 'after')
    const theirs = await commitBehindOurBack(server, projectId)
    await settleCommit(server.context.services, rowId(diff.id))
    expect((await diffState(server, diff.id)).status).toBe('COMMITTED')
    expect(await gitOf(server, projectId, 'rev-parse', 'main')).toBe(theirs)
  })

  it('before the branch was moved by somebody else, goes back under review', async () => {
    const projectId = await nextProject()
    const diff = await underWay(projectId, 'before')
    const theirs = await commitBehindOurBack(server, projectId)
    await expect(settleCommit(server.context.services, rowId(diff.id))).rejects.toMatchObject({
      name: 'BaseDriftError',
      expected: diff.baseCommit,
      actual: theirs,
    })
    await settleCommit(server.context.services, rowId(diff.id))
    expect(await diffState(server, diff.id)).toMatchObject({ status: 'HUMAN_REVIEWING', drifted: true })
    expect(await gitOf(server, projectId, 'rev-parse', 'main')).toBe(theirs)
  })

  it("does not stand in the way of the next one, and its fate is not told as that one's", async () => {
    const projectId = await nextProject()
    const left = await underWay(projectId, 'before')
    await commitBehindOurBack(server, projectId)
    const next = await approved(projectId, addsFile('next.txt', ['next']))
    expect(await commit(server, next.id)).toMatchObject({ status: 'COMMITTED' })
    expect((await diffState(server, left.id)).status).toBe('HUMAN_REVIEWING')
  })

  it('takes no verdict while it is under way', async () => {
    const diff = await underWay(await nextProject(), 'before')
    for (const verdict of ['APPROVE', 'REJECT'] as const) {
      expect(await review(server, diff, { verdict })).toMatchObject({
        __typename: 'InvalidTransitionError',
        from: 'COMMITTING',
      })
    }
    expect(await commit(server, diff.id)).toMatchObject({ __typename: 'InvalidTransitionError', from: 'COMMITTING' })
  })

  it('is not led elsewhere by a changed intent', async () => {
    const projectId = await nextProject()
    const diff = await underWay(projectId, 'before')
    await sqlOf(
      server,
      `update diff set commit_intent = jsonb_set(commit_intent::jsonb, '{request,tree}', to_jsonb(base_tree)) where id = $1`,
      [rowId(diff.id)],
    )
    const { resultTree } = await diffState(server, diff.id)
    await expect(settleCommit(server.context.services, rowId(diff.id))).rejects.toMatchObject({
      name: 'ApprovalRequiredError',
    })
    expect((await diffState(server, diff.id)).status).toBe('HUMAN_REVIEWING')
    expect(await history(projectId)).toEqual([diff.baseCommit])
    expect(resultTree).not.toBe(await gitOf(server, projectId, 'rev-parse', 'main^{tree}'))
  })
})
