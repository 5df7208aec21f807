import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { authenticate } from '../../src/domain/actor/authenticate.ts'
import { commitDiff } from '../../src/domain/commit/commit-diff.ts'
import { settleCommit } from '../../src/domain/commit/settle-commit.ts'
import { made, mutate, mutationDocument } from '../factories/api.ts'
import { commit, diffState, gitOf, review, sqlOf } from '../factories/gate.ts'
import { actorWithToken, readyProject, rowId } from '../factories/pipeline.ts'
import { createTestDatabase } from '../support/database.ts'
import type { TestServer } from '../support/server.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { createRemoteRepository, serveGit } from './git-over-http.ts'
import {
  approvedDiff,
  committedDiff,
  headHere,
  password,
  remoteProject,
  shownProject,
  startRemoteServer,
  tablesWith,
  token,
  update,
  withoutWorkers,
} from './projects.ts'

let server: TestServer
/** Everything that was logged, as JSON. */
const logged: string[] = []
beforeAll(async () => {
  server = await startRemoteServer()
  const { log } = server.context.services
  for (const level of ['debug', 'info', 'warn', 'error'] as const) {
    log[level] = (fields: object, message: string) => {
      logged.push(JSON.stringify({ ...fields, message, stack: String((fields as { error?: Error }).error?.stack) }))
    }
  }
})
afterAll(() => server[Symbol.asyncDispose]())

const syncing = mutationDocument('syncProject').replace(
  '... on RemoteError { code message',
  '... on RemoteError { code message details',
)
const sync = async (id: string, as?: string, at = server) => (await at.query(syncing, { id }, as)).syncProject

describe('a project of a remote that asks for a token', () => {
  it('is cloned with it, and nowhere gives it back', async () => {
    await using project = await remoteProject(server)
    expect(await shownProject(server, project.id)).toMatchObject({
      status: 'READY',
      headCommit: await project.repository.head(),
      remoteUrl: project.remote.url,
      hasRemoteCredential: true,
      pushOnCommit: false,
    })
    expect(await sync(project.id)).toMatchObject({ __typename: 'Project' })
    for (const secret of [token, Buffer.from(password).toString('base64')]) {
      expect(await tablesWith(server, secret)).toEqual([])
      expect(logged.join('\n')).not.toContain(secret)
      const kept = promisify(execFile)('grep', ['-rlF', secret, server.config.dataDir])
      await expect(kept).rejects.toMatchObject({ code: 1, stdout: '' })
    }
    const [row] = await sqlOf(server, 'select remote_credential from project where id = $1', [rowId(project.id)])
    expect(row?.remote_credential).toMatch(/^v1:/)
    expect(await tablesWith(server, String(row?.remote_credential))).toEqual(['project'])
  })

  it.each([
    ['a wrong token', { accessToken: 'tok-wrong-1234567890' }, /refused the credential/],
    ['a wrong user', { accessToken: `somebody:${token}` }, /refused the credential/],
    ['no token', null, /asks for a credential, and none is stored/],
  ])('is FAILED with %s, and the reason does not repeat it', async (_, credential, reason) => {
    await using repository = await createRemoteRepository()
    await using remote = await serveGit(repository, password)
    const input = { name: 'x', source: { gitUrl: { url: remote.url, credential } } }
    const id = await made(server, 'createProject', { input })
    await expect.poll(async () => (await shownProject(server, id)).status, { timeout: 10_000 }).toBe('FAILED')
    const { failure } = await shownProject(server, id)
    expect(failure).toMatch(reason)
    expect(failure).not.toContain('tok-')
  })
})

describe('a sync', () => {
  it('follows the remote forward, and has nothing to do when nothing is new', async () => {
    await using project = await remoteProject(server)
    await project.repository.commit()
    const theirs = await project.repository.commit()
    for (const _ of ['new', 'nothing new']) {
      expect(await sync(project.id)).toMatchObject({ __typename: 'Project', id: project.id })
      expect(await shownProject(server, project.id)).toMatchObject({ headCommit: theirs })
      expect(await headHere(server, project.id)).toBe(theirs)
    }
    expect(await gitOf(server, project.id, 'for-each-ref', 'refs/countersign/fetch')).toBe('')
  })

  it('five times at once succeeds five times', async () => {
    await using project = await remoteProject(server)
    const theirs = await project.repository.commit()
    const answers = await Promise.all(Array.from({ length: 5 }, () => sync(project.id)))
    expect(answers.map(({ __typename }) => __typename)).toEqual(Array(5).fill('Project'))
    expect(await shownProject(server, project.id)).toMatchObject({ headCommit: theirs })
  })

  it('leaves what is ahead of the remote as it is', async () => {
    await using project = await remoteProject(server)
    const { oid } = await committedDiff(server, project.id)
    expect(await sync(project.id)).toMatchObject({ __typename: 'Project' })
    expect(await shownProject(server, project.id)).toMatchObject({ headCommit: oid })
    expect(await headHere(server, project.id)).toBe(oid)
  })

  it('of branches that have diverged is a RemoteError that says both commits, and moves nothing', async () => {
    await using project = await remoteProject(server)
    const { oid } = await committedDiff(server, project.id)
    const theirs = await project.repository.commit()
    const answer = await sync(project.id)
    expect(answer).toMatchObject({ __typename: 'RemoteError', code: 'REMOTE' })
    expect(answer.message).toMatch(new RegExp(`diverged.*${oid}.*${theirs}.*Merge`))
    expect(await headHere(server, project.id)).toBe(oid)
    expect(await shownProject(server, project.id)).toMatchObject({ headCommit: oid })
  })

  it('without the branch, the token or the server at the other end is a RemoteError in its words', async () => {
    await using project = await remoteProject(server)
    await project.repository.git('branch', 'other', 'main')
    await project.repository.git('symbolic-ref', 'HEAD', 'refs/heads/other')
    const head = await project.repository.head()
    await project.repository.git('update-ref', '-d', 'refs/heads/main')
    expect(await sync(project.id)).toMatchObject({
      __typename: 'RemoteError',
      message: expect.stringMatching(/branch main .*no such branch/),
      details: expect.stringContaining("couldn't find remote ref"),
    })
    await update(server, project.id, { remoteCredential: null })
    expect(await sync(project.id)).toMatchObject({ message: expect.stringMatching(/none is stored/) })
    await project.remote.close()
    expect(await sync(project.id)).toMatchObject({ details: expect.stringMatching(/connect/i) })
    expect(await headHere(server, project.id)).toBe(head)
    expect(logged.join('\n')).not.toContain(token)
  })

  it('is refused without a remote, to an AUTHOR, and of an archived project', async () => {
    const local = await readyProject(server)
    expect(await sync(local)).toMatchObject({ __typename: 'ValidationError', message: expect.stringMatching(/remote/) })
    await using project = await remoteProject(server)
    const author = await actorWithToken(server, { role: 'AUTHOR' })
    const reviewer = await actorWithToken(server, { role: 'REVIEWER' })
    expect(await sync(project.id, author.token)).toMatchObject({
      __typename: 'ForbiddenError',
      requiredRole: 'REVIEWER',
    })
    expect(await sync(project.id, reviewer.token)).toMatchObject({ __typename: 'Project' })
    await made(server, 'archiveProject', { id: project.id })
    expect(await sync(project.id)).toMatchObject({ __typename: 'InvalidTransitionError', from: 'ARCHIVED' })
  })

  it('notes what a process that was killed has moved and not noted', async () => {
    await using project = await remoteProject(server)
    const theirs = await project.repository.commit()
    expect(await sync(project.id)).toMatchObject({ __typename: 'Project' })
    await sqlOf(server, "update project set head_commit = repeat('0', 40) where id = $1", [rowId(project.id)])
    expect(await sync(project.id)).toMatchObject({ __typename: 'Project' })
    expect(await shownProject(server, project.id)).toMatchObject({ headCommit: theirs })
  })

  it('that meets a commit under way wins or loses as a whole', async () => {
    await using quiet = await withoutWorkers()
    const { idle, project } = quiet
    const { services } = idle.context
    const diff = await approvedDiff(idle, project.id)
    const viewer = await authenticate(services, idle.token)
    if (!viewer) throw new Error('There is no administrator.')
    const theirs = await project.repository.commit()
    // The commit is decided on; before its branch is moved, the sync is there first.
    const interrupted = {
      ...services,
      git: {
        ...services.git,
        async moveBranch(...move: Parameters<typeof services.git.moveBranch>) {
          expect(await sync(project.id, undefined, idle)).toMatchObject({ __typename: 'Project' })
          return services.git.moveBranch(...move)
        },
      },
    }
    await expect(commitDiff(interrupted, viewer, rowId(diff.id))).rejects.toMatchObject({
      name: 'BaseDriftError',
      actual: theirs,
    })
    await settleCommit(services, rowId(diff.id))
    expect(await diffState(idle, diff.id)).toMatchObject({ status: 'HUMAN_REVIEWING', drifted: true })
    expect(await shownProject(idle, project.id)).toMatchObject({ headCommit: theirs })
    expect(await headHere(idle, project.id)).toBe(theirs)
  })

  it('that is overtaken by a commit does not take the head back in what is stored', async () => {
    await using quiet = await withoutWorkers()
    const { idle, project } = quiet
    const { services } = idle.context
    const viewer = await authenticate(services, idle.token)
    if (!viewer) throw new Error('There is no administrator.')
    const diff = await approvedDiff(idle, project.id)
    let theirs = ''
    // The commit has moved the branch and asked where it stands; then the remote goes on from there, and a sync follows.
    const interrupted = {
      ...services,
      git: {
        ...services.git,
        async branchHead(...asked: Parameters<typeof services.git.branchHead>) {
          const oid = await services.git.branchHead(...asked)
          if (theirs === '' && oid !== diff.baseCommit) {
            await gitOf(idle, project.id, 'push', '-q', project.repository.directory, 'main')
            theirs = await project.repository.commit()
            expect(await sync(project.id, undefined, idle)).toMatchObject({ __typename: 'Project' })
          }
          return oid
        },
      },
    }
    await commitDiff(interrupted, viewer, rowId(diff.id))
    expect(theirs).not.toBe('')
    expect(await shownProject(idle, project.id)).toMatchObject({ headCommit: theirs })
    expect((await diffState(idle, diff.id)).status).toBe('COMMITTED')
  })

  it('with a key that does not open the stored credential says so and names SECRET_KEY', async () => {
    await using database = await createTestDatabase()
    await using directory = await temporaryDirectory()
    const place = { databaseUrl: database.url, dataDir: directory.path }
    const own = new AsyncDisposableStack()
    let id = ''
    {
      await using first = await startRemoteServer({ ...place, env: { SECRET_KEY: 'a1'.repeat(32) } })
      const project = own.use(await remoteProject(first))
      id = project.id
    }
    {
      await using second = await startRemoteServer({ ...place, env: { SECRET_KEY: 'b2'.repeat(32) } })
      expect(await mutate(second, 'syncProject', { id })).toMatchObject({
        __typename: 'RemoteError',
        message: expect.stringMatching(/SECRET_KEY.*updateProject/),
      })
      expect(await update(second, id, { remoteCredential: { accessToken: token } })).toMatchObject({ id })
      expect(await mutate(second, 'syncProject', { id })).toMatchObject({ __typename: 'Project' })
    }
    await own.disposeAsync()
  })
})

describe('a diff that is approved', () => {
  it('goes back under review when the branch moves by a sync or a commit, and is not approved again there', async () => {
    await using project = await remoteProject(server)
    const bySync = await approvedDiff(server, project.id)
    await project.repository.commit()
    await sync(project.id)
    expect(await diffState(server, bySync.id)).toMatchObject({ status: 'HUMAN_REVIEWING', drifted: true })

    const [winner, loser] = [await approvedDiff(server, project.id), await approvedDiff(server, project.id)]
    expect(await commit(server, winner.id)).toMatchObject({ status: 'COMMITTED' })
    expect(await diffState(server, loser.id)).toMatchObject({ status: 'HUMAN_REVIEWING', drifted: true })
    const other = await actorWithToken(server, { role: 'REVIEWER' })
    expect(await review(server, loser, { token: other.token })).toMatchObject({ status: 'HUMAN_REVIEWING' })
    expect(await commit(server, loser.id)).toMatchObject({ __typename: 'BaseDriftError' })
    const told = await sqlOf(server, "select body->>'status' as status from event where diff_id = $1 order by id", [
      rowId(loser.id),
    ])
    // The last one tells of the other's approval, which does not make it APPROVED.
    expect(told.map(({ status }) => status).slice(-3)).toEqual(['APPROVED', 'HUMAN_REVIEWING', 'HUMAN_REVIEWING'])
  })
})
