import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { authenticate } from '../../src/domain/actor/authenticate.ts'
import { commitDiff } from '../../src/domain/commit/commit-diff.ts'
import { settleCommit } from '../../src/domain/commit/settle-commit.ts'
import type { GitStore } from '../../src/domain/ports/git-store.ts'
import type { Services } from '../../src/domain/shared/services.ts'
import { noteOf, sha256 } from '../factories/evidence.ts'
import { commitBehindOurBack, diffState, gitOf, proposed, review, type ShownDiff, sqlOf } from '../factories/gate.ts'
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

const nextProject = (): string => {
  const projectId = projects.pop()
  if (projectId === undefined) throw new Error('There are too few projects for the tests.')
  return projectId
}

type Step = 'writeCommit' | 'moveBranch' | 'addNote'

/** The process's services, where a step of git ends like a process that is killed before or after it. */
const killed = (step: Step, when: 'before' | 'after'): Services => {
  const { services } = server.context
  const dying = async (...args: never[]): Promise<never> => {
    if (when === 'after') await (services.git[step] as (...args: never[]) => Promise<unknown>)(...args)
    throw new Error('killed')
  }
  return { ...services, git: { ...services.git, [step]: dying } as GitStore }
}

const administrator = async () => {
  const viewer = await authenticate(server.context.services, server.token)
  if (!viewer) throw new Error('There is no administrator.')
  return viewer
}

const approved = async (projectId: string): Promise<ShownDiff> => {
  const diff = await proposed(server, projectId, { content: addsFile('note.txt', ['A note.']) })
  expect(await review(server, diff)).toMatchObject({ status: 'APPROVED' })
  return diff
}

/** A diff whose commit was decided on by a process that was killed then. @returns its stored intent as well */
const underWay = async (projectId: string, step: Step, when: 'before' | 'after') => {
  const diff = await approved(projectId)
  await expect(commitDiff(killed(step, when), await administrator(), rowId(diff.id))).rejects.toThrow('killed')
  const [row] = await sqlOf(server, 'select commit_intent as intent from diff where id = $1', [rowId(diff.id)])
  return { diff, intent: row?.intent as { oid: string; evidence: string } }
}

const settle = (diff: ShownDiff) => settleCommit(server.context.services, rowId(diff.id))

const notesOf = (projectId: string) => gitOf(server, projectId, 'for-each-ref', 'refs/notes')

describe.concurrent('a commit that a killed process left', () => {
  it.each([
    ['moveBranch', 'before'],
    ['moveBranch', 'after'],
    ['addNote', 'before'],
    ['addNote', 'after'],
  ] as const)('at %s, %s, ends with the very evidence that was decided on, once', async (step, when) => {
    const projectId = nextProject()
    const { diff, intent } = await underWay(projectId, step, when)
    expect((await diffState(server, diff.id)).status).toBe('COMMITTING')
    await Promise.all(Array.from({ length: 5 }, () => settle(diff)))
    expect((await diffState(server, diff.id)).status).toBe('COMMITTED')
    const note = await noteOf(server, projectId, intent.oid)
    expect(note?.toString('utf8')).toBe(intent.evidence)
    const message = await gitOf(server, projectId, 'log', '-1', '--format=%B', intent.oid)
    expect(message).toContain(`Countersign-Evidence: sha256:${sha256(intent.evidence)}`)
    expect(await gitOf(server, projectId, 'rev-list', '--count', 'refs/notes/countersign')).toBe('1')
  })

  it('whose branch had moved leaves no note', async () => {
    const projectId = nextProject()
    const { diff } = await underWay(projectId, 'moveBranch', 'before')
    await commitBehindOurBack(server, projectId)
    await expect(settle(diff)).rejects.toMatchObject({ name: 'BaseDriftError' })
    expect(await notesOf(projectId)).toBe('')
    expect((await diffState(server, diff.id)).status).toBe('HUMAN_REVIEWING')
  })

  it('is not committed once its stored evidence was changed', async () => {
    const projectId = nextProject()
    const { diff } = await underWay(projectId, 'moveBranch', 'before')
    await sqlOf(
      server,
      `update diff set commit_intent = jsonb_set(commit_intent::jsonb, '{evidence}', '"other"') where id = $1`,
      [rowId(diff.id)],
    )
    await expect(settle(diff)).rejects.toMatchObject({ name: 'ApprovalRequiredError' })
    expect(await notesOf(projectId)).toBe('')
    expect(await gitOf(server, projectId, 'rev-parse', 'main')).toBe(diff.baseCommit)
  })

  it('and whose evidence was changed after the branch moved gets no note that is not its own', async () => {
    const projectId = nextProject()
    const { diff, intent } = await underWay(projectId, 'moveBranch', 'after')
    await sqlOf(
      server,
      `update diff set commit_intent = jsonb_set(commit_intent::jsonb, '{evidence}', '"other"') where id = $1`,
      [rowId(diff.id)],
    )
    await settle(diff)
    expect((await diffState(server, diff.id)).status).toBe('COMMITTED')
    expect(await gitOf(server, projectId, 'rev-parse', 'main')).toBe(intent.oid)
    expect(await notesOf(projectId)).toBe('')
  })
})

it('deciding a second time on the same gives the same bytes', async () => {
  const { services } = server.context
  const at = new Date()
  const still = { ...services, clock: () => at }
  const evidence: (string | undefined)[] = []
  const projectId = (await sqlOf(server, 'select project_id as id from diff where commit_oid is null limit 1'))[0]?.id
  const globalId = Buffer.from(`Project:${projectId}`).toString('base64')
  const diff = await proposed(server, globalId, { content: addsFile('twice.txt', ['x']) })
  await review(server, diff)
  for (let time = 0; time < 2; time += 1) {
    const dying = {
      ...still,
      git: {
        ...still.git,
        writeCommit(_projectId: string, request: { message: string }) {
          evidence.push(request.message)
          throw new Error('killed')
        },
      },
    }
    await expect(commitDiff(dying as Services, await administrator(), rowId(diff.id))).rejects.toThrow('killed')
  }
  expect(evidence[0]).toMatch(/Countersign-Evidence: sha256:[0-9a-f]{64}/)
  expect(evidence[1]).toBe(evidence[0])
})
