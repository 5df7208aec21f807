import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { authenticate } from '../../src/domain/actor/authenticate.ts'
import { commitDiff } from '../../src/domain/commit/commit-diff.ts'
import { autoRebase } from '../../src/domain/diff/auto-rebase.ts'
import { refreshHead } from '../../src/domain/project/note-head.ts'
import type { Services } from '../../src/domain/shared/services.ts'
import { recoverWork } from '../../src/workers/recovery.ts'
import { branchHas, type FileContents, numbered, patchOf, shownDiff } from '../factories/diff-commands.ts'
import { theBeginning } from '../factories/event-log.ts'
import {
  commit,
  commitBehindOurBack,
  gitOf,
  proposed,
  review,
  type ShownDiff,
  setPolicy,
  sqlOf,
} from '../factories/gate.ts'
import { actorWithToken, readyProject, rowId } from '../factories/pipeline.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer({ rehearsal: false, pools: { maintenance: 2 } })
})
afterAll(() => server[Symbol.asyncDispose]())

const stop = new AbortController().signal
const start = numbered(30)

interface Scene {
  readonly projectId: string
  readonly diff: ShownDiff
}

/** A diff of line 15, with one approval. */
const approved = async (options: { autoRebase?: boolean; token?: string } = {}): Promise<Scene> => {
  const projectId = await readyProject(server, { policy: { autoRebase: options.autoRebase ?? true } })
  await branchHas(server, projectId, { 'a.txt': start })
  const content = await patchOf(server, projectId, { 'a.txt': numbered(30, { 15: 'fifteen' }) })
  const diff = await proposed(server, projectId, { content, commitMessage: 'Change it' }, options.token)
  expect(await review(server, diff)).toMatchObject({ status: 'APPROVED' })
  return { projectId, diff }
}

/** A commit that somebody else brought to the branch, noted as after a sync. @returns its id */
const moved = async (projectId: string, files: FileContents): Promise<string> => {
  const [before] = await sqlOf(server, 'select head_commit from project where id = $1', [rowId(projectId)])
  const oid = await branchHas(server, projectId, files)
  await sqlOf(server, 'update project set head_commit = $2 where id = $1', [rowId(projectId), before?.head_commit])
  await refreshHead(server.context.services, rowId(projectId))
  return oid
}

const became = (diffId: string, status: string) =>
  server.event('DiffChanged', (body) => body.diffId === rowId(diffId) && body.status === status)

/** What took the diff's place by itself. */
const successor = async (diffId: string) => {
  await became(diffId, 'SUPERSEDED')
  const { supersededBy } = await shownDiff(server, diffId)
  return shownDiff(server, supersededBy?.id ?? '')
}

const failureOf = async (diffId: string): Promise<string | null> =>
  (await server.query('query ($id: ID!) { node(id: $id) { ... on Diff { autoRebaseFailure } } }', { id: diffId })).node
    .autoRebaseFailure

/** What a diff says of its rebase, as soon as it failed. */
const failed = async (diffId: string): Promise<string> => {
  for await (const _ of server.context.feed.follow({ projectIds: null, diffId: rowId(diffId) }, theBeginning)) {
    const failure = await failureOf(diffId)
    if (failure !== null) return failure
  }
  throw new Error('unreachable')
}

/** So that the test, and no worker, does the diff's rebase: recovery takes it for one that is worked on. */
const lockOut = (diffId: string) =>
  sqlOf(
    server,
    "insert into lease (resource, owner, fence, again, until) values ($1, 'test', 1, false, now() + interval '1 hour')",
    [`auto-rebase:${rowId(diffId)}`],
  )
const letIn = (diffId: string) =>
  sqlOf(server, 'update lease set until = to_timestamp(0) where resource = $1', [`auto-rebase:${rowId(diffId)}`])

const successorsOf = async (diffId: string): Promise<readonly unknown[]> =>
  sqlOf(server, 'select id from diff where supersedes_id = $1', [rowId(diffId)])

describe.concurrent('where the policy has autoRebase', () => {
  it("an approved diff is on the head as soon as another one is committed, with its author's name and its approvals", async () => {
    const author = await actorWithToken(server, { name: 'Ada', role: 'AUTHOR' })
    const { projectId, diff } = await approved({ token: author.token })
    await sqlOf(server, 'update diff set requested_by_id = $2 where id = $1', [rowId(diff.id), rowId(author.id)])
    const other = await proposed(server, projectId, { content: await patchOf(server, projectId, { 'b.txt': 'b\n' }) })
    await review(server, other)
    const { commit: landed } = await commit(server, other.id)
    const fresh = await successor(diff.id)
    expect(fresh).toMatchObject({
      status: 'APPROVED',
      baseCommit: landed?.oid,
      drifted: false,
      author: { id: author.id },
      supersedes: { id: diff.id },
      approval: { given: 1, satisfied: true },
      reviews: [{ carriedFrom: { stillHolds: true } }],
    })
    const [row] = await sqlOf(server, 'select requested_by_id from diff where id = $1', [rowId(fresh.id)])
    expect(row?.requested_by_id).toBe(rowId(author.id))
    expect(await commit(server, fresh.id)).toMatchObject({ status: 'COMMITTED' })
    expect(await gitOf(server, projectId, 'show', 'main:a.txt')).toContain('fifteen')
  })

  it('it follows the branch however often that moves', async () => {
    const { projectId, diff } = await approved()
    await moved(projectId, { 'b.txt': 'one\n' })
    const first = await successor(diff.id)
    await became(first.id, 'APPROVED')
    const head = await moved(projectId, { 'b.txt': 'two\n' })
    expect(await successor(first.id)).toMatchObject({ status: 'APPROVED', baseCommit: head })
  })

  it('a conflict leaves it where it is and says so, until the branch moves again', async () => {
    const { projectId, diff } = await approved()
    await moved(projectId, { 'a.txt': numbered(30, { 15: 'theirs' }) })
    await server.event('DiffChanged', (body) => body.diffId === rowId(diff.id) && body.status === 'HUMAN_REVIEWING')
    expect(await failed(diff.id)).toMatch(/^The change conflicts with what is on main now, in a\.txt\./)
    expect(await shownDiff(server, diff.id)).toMatchObject({
      status: 'HUMAN_REVIEWING',
      drifted: true,
      supersededBy: null,
    })
    const jobs = async () =>
      (
        await sqlOf(server, "select 1 from outbox where job = 'auto-rebase' and payload ->> 'diffId' = $1", [
          rowId(diff.id),
        ])
      ).length
    expect(await jobs()).toBe(1)
    await autoRebase(server.context.services, rowId(diff.id), stop)
    await refreshHead(server.context.services, rowId(projectId))
    await review(server, diff)
    expect(await jobs()).toBe(1)
    expect(await successorsOf(diff.id)).toEqual([])
    await moved(projectId, { 'a.txt': start })
    expect(await successor(diff.id)).toMatchObject({ status: 'APPROVED', supersedes: { id: diff.id } })
  })

  it('a branch that comes back to its base finds it APPROVED again, and takes it along when it moves once more', async () => {
    const { projectId, diff } = await approved()
    await moved(projectId, { 'a.txt': numbered(30, { 15: 'theirs' }) })
    expect(await shownDiff(server, diff.id)).toMatchObject({ status: 'HUMAN_REVIEWING', drifted: true })
    await gitOf(server, projectId, 'update-ref', 'refs/heads/main', diff.baseCommit)
    await refreshHead(server.context.services, rowId(projectId))
    expect(await shownDiff(server, diff.id)).toMatchObject({ status: 'APPROVED', drifted: false })
    expect(await failureOf(diff.id)).toBeNull()
    await moved(projectId, { 'b.txt': 'b\n' })
    expect(await successor(diff.id)).toMatchObject({ status: 'APPROVED', supersedes: { id: diff.id } })
  })

  it('says it too when the branch has the change already', async () => {
    const { projectId, diff } = await approved()
    await moved(projectId, { 'a.txt': numbered(30, { 15: 'fifteen' }) })
    expect(await failed(diff.id)).toBe('The branch main has this change already.')
  })

  it('what is approved after the branch moved is brought along as well; what is not approved stays', async () => {
    const projectId = await readyProject(server, { policy: { autoRebase: true } })
    const [late, never] = await Promise.all(
      ['a', 'b'].map(async (name) =>
        proposed(server, projectId, { content: await patchOf(server, projectId, { [name]: 'x\n' }) }),
      ),
    )
    if (!late || !never) throw new Error('Nothing was proposed.')
    const head = await moved(projectId, { 'c.txt': 'c\n' })
    expect(await review(server, late)).toMatchObject({ status: 'HUMAN_REVIEWING' })
    expect(await successor(late.id)).toMatchObject({ status: 'APPROVED', baseCommit: head })
    expect(await shownDiff(server, never.id)).toMatchObject({ status: 'PROPOSED', supersededBy: null })
    expect(await failureOf(never.id)).toBeNull()
  })

  it('a commit that the branch forestalled is brought to the head', async () => {
    const { projectId, diff } = await approved()
    const { services } = server.context
    const viewer = await authenticate(services, server.token)
    if (!viewer) throw new Error('There is no administrator.')
    let theirs: string | undefined
    const overtaken: Services = {
      ...services,
      git: {
        ...services.git,
        async branchHead(...branch) {
          const head = await services.git.branchHead(...branch)
          // By nobody that the server knows of: what is stored of the branch stays as it was.
          theirs ??= await commitBehindOurBack(server, projectId)
          return head
        },
      },
    }
    // It is told here, unless a worker has settled the commit first.
    await commitDiff(overtaken, viewer, rowId(diff.id)).catch(({ name }: Error) => expect(name).toBe('BaseDriftError'))
    await became(diff.id, 'COMMITTING')
    expect(await successor(diff.id)).toMatchObject({ status: 'APPROVED', baseCommit: theirs, approval: { given: 1 } })
  })

  it.each(['COMMITTING', 'COMMITTED', 'HUMAN_REJECTED'])('one that is %s is left alone', async (status) => {
    const { projectId, diff } = await approved()
    const wish = JSON.stringify({ head: await branchHas(server, projectId, { 'b.txt': 'b\n' }), failure: null })
    await lockOut(diff.id)
    await sqlOf(server, 'update diff set status = $2, auto_rebase = $3 where id = $1', [rowId(diff.id), status, wish])
    await letIn(diff.id)
    await autoRebase(server.context.services, rowId(diff.id), stop)
    expect(await shownDiff(server, diff.id)).toMatchObject({ status, supersededBy: null })
    await sqlOf(server, "update diff set status = 'HUMAN_REJECTED' where id = $1", [rowId(diff.id)])
  })

  it('five at once make one', async () => {
    const { projectId, diff } = await approved()
    await lockOut(diff.id)
    await moved(projectId, { 'b.txt': 'b\n' })
    await letIn(diff.id)
    const { services } = server.context
    await Promise.all(Array.from({ length: 5 }, () => autoRebase(services, rowId(diff.id), stop)))
    await became(diff.id, 'SUPERSEDED')
    expect(await successorsOf(diff.id)).toHaveLength(1)
  })

  it.each(['before', 'after'] as const)(
    'a worker that is killed %s the new diff is kept leaves it to the next one',
    async (when) => {
      const { projectId, diff } = await approved()
      await lockOut(diff.id)
      await moved(projectId, { 'b.txt': 'b\n' })
      await letIn(diff.id)
      const { services } = server.context
      const killed: Services = {
        ...services,
        git: {
          ...services.git,
          async keep(...kept) {
            if (when === 'after') await services.git.keep(...kept)
            throw new Error('killed')
          },
        },
      }
      await autoRebase(killed, rowId(diff.id), stop).catch((error: Error) => expect(error.message).toBe('killed'))
      // Here, or by a worker that was asked meanwhile.
      await recoverWork(services, { intervalMs: 0, waitingMs: 0, abandonedMs: 0 })
      expect(await successor(diff.id)).toMatchObject({ status: 'APPROVED' })
      expect(await successorsOf(diff.id)).toHaveLength(1)
    },
  )

  it('a wish that nobody has any more is let go: the policy fell, or the approvals did', async () => {
    const { projectId, diff } = await approved()
    await lockOut(diff.id)
    await moved(projectId, { 'b.txt': 'b\n' })
    await setPolicy(server, projectId, { requiredApprovals: 2 })
    await letIn(diff.id)
    await autoRebase(server.context.services, rowId(diff.id), stop)
    const [row] = await sqlOf(server, 'select auto_rebase from diff where id = $1', [rowId(diff.id)])
    expect(row).toEqual({ auto_rebase: null })
    expect(await successorsOf(diff.id)).toEqual([])
  })
})

it('without autoRebase nothing moves by itself', async () => {
  const { projectId, diff } = await approved({ autoRebase: false })
  await moved(projectId, { 'b.txt': 'b\n' })
  expect(await shownDiff(server, diff.id)).toMatchObject({ status: 'HUMAN_REVIEWING', drifted: true })
  expect(await sqlOf(server, "select 1 from outbox where payload ->> 'diffId' = $1", [rowId(diff.id)])).toEqual([])
})
