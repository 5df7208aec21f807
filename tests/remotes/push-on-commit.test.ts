import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { pushCommit } from '../../src/domain/commit/push-commit.ts'
import { recoverWork } from '../../src/workers/recovery.ts'
import { made, mutate } from '../factories/api.ts'
import { diffState, gitOf, sqlOf } from '../factories/gate.ts'
import { rowId } from '../factories/pipeline.ts'
import type { TestServer } from '../support/server.ts'
import {
  committedDiff,
  headHere,
  type RemoteProject,
  remoteProject,
  startRemoteServer,
  tablesWith,
  token,
  update,
} from './projects.ts'

let server: TestServer
beforeAll(async () => {
  server = await startRemoteServer({ overrides: { patience: { intervalMs: 50, waitingMs: 500, abandonedMs: 100 } } })
})
afterAll(() => server[Symbol.asyncDispose]())

interface ShownPush {
  readonly status: string
  readonly attempts: number
  readonly error: string | null
}

const push = async (diffId: string): Promise<ShownPush | null> => {
  const { node } = await server.query(
    'query ($id: ID!) { node(id: $id) { ... on Diff { push { status attempts error } } } }',
    { id: diffId },
  )
  return node.push
}

/** The push once it has been tried, and has the state that is waited for. */
const pushWhen = async (diffId: string, matches: (push: ShownPush) => boolean): Promise<ShownPush> => {
  const id = rowId(diffId)
  const stop = new AbortController()
  try {
    const already = await push(diffId)
    if (already && matches(already)) return already
    for await (const { body } of server.context.feed.follow({ projectIds: null }, { xid: '0', id: '0' }, stop.signal)) {
      if (body.type !== 'DiffChanged' || body.diffId !== id) continue
      const found = await push(diffId)
      if (found && matches(found)) return found
    }
  } finally {
    stop.abort()
  }
  throw new Error('The push did not come so far.')
}

const isTried = ({ attempts }: ShownPush) => attempts > 0
const is = (status: string) => (found: ShownPush) => found.status === status

/** As if the time of the next attempt had come. */
const due = (diffId: string) =>
  sqlOf(server, "update push set next_at = now() - interval '1 second' where diff_id = $1", [rowId(diffId)])

/** As if it had been tried so often that the next attempt is far away. */
const later = (diffId: string) =>
  sqlOf(server, "update push set next_at = now() + interval '1 hour' where diff_id = $1", [rowId(diffId)])

const pushing = async (): Promise<RemoteProject> => {
  const project = await remoteProject(server)
  await made(server, 'updateProject', { input: { id: project.id, pushOnCommit: true } })
  return project
}

describe('a commit in a project that pushes', () => {
  it('is pushed, and the remote has exactly this commit', async () => {
    await using project = await pushing()
    const { id, oid } = await committedDiff(server, project.id)
    expect(await pushWhen(id, is('PUSHED'))).toEqual({ status: 'PUSHED', attempts: 1, error: null })
    expect(await project.repository.head()).toBe(oid)
    expect((await project.repository.git('for-each-ref', '--format=%(refname)')).split('\n')).toEqual([
      'refs/heads/main',
      'refs/notes/countersign',
    ])
    const told = await sqlOf(server, "select body->>'status' as status from event where diff_id = $1 order by id", [
      rowId(id),
    ])
    expect(told.map(({ status }) => status).slice(-3)).toEqual(['COMMITTING', 'COMMITTED', 'COMMITTED'])
  })

  it('stays where the project does not push, or has no remote', async () => {
    await using project = await remoteProject(server)
    const { id } = await committedDiff(server, project.id)
    expect(await push(id)).toBeNull()
    expect(await project.repository.head()).not.toBe(await headHere(server, project.id))
  })

  it('waits for a remote that is down, and is pushed with all before it when it is up again', async () => {
    await using project = await pushing()
    await project.remote.close()
    const first = await committedDiff(server, project.id)
    const second = await committedDiff(server, project.id)
    for (const { id } of [first, second]) {
      const waiting = await pushWhen(id, isTried)
      expect(waiting).toMatchObject({ status: 'PENDING', attempts: 1, error: expect.stringMatching(/connect/i) })
      expect(Buffer.byteLength(waiting.error ?? '')).toBeLessThanOrEqual(2048)
      const [row] = await sqlOf(server, 'select next_at > now() as later from push where diff_id = $1', [rowId(id)])
      expect(row?.later).toBe(true)
      await later(id)
    }
    // Nothing is due: recovery leaves both alone.
    await recoverWork(server.context.services, { intervalMs: 50, waitingMs: 0, abandonedMs: 0 })
    expect(await push(second.id)).toMatchObject({ attempts: 1 })
    await project.remote.open()
    await due(second.id)
    expect(await pushWhen(second.id, is('PUSHED'))).toMatchObject({ attempts: 2, error: null })
    expect(await pushWhen(first.id, is('PUSHED'))).toEqual({ status: 'PUSHED', attempts: 1, error: null })
    expect(await project.repository.head()).toBe(second.oid)
    expect(await tablesWith(server, token)).toEqual([])
  })

  it('is tried ever more rarely, at least once an hour, and given up after a day', async () => {
    await using project = await pushing()
    await project.remote.close()
    const { id } = await committedDiff(server, project.id)
    await pushWhen(id, isTried)
    const delay = async () => {
      const [row] = await sqlOf(
        server,
        'select extract(epoch from next_at - now())::float as seconds from push where diff_id = $1',
        [rowId(id)],
      )
      return Number(row?.seconds)
    }
    const delays = [await delay()]
    for (const attempts of [2, 3, 30]) {
      await sqlOf(server, 'update push set attempts = $2 where diff_id = $1', [rowId(id), attempts - 1])
      await due(id)
      await pushWhen(id, (found) => found.attempts === attempts && found.status === 'PENDING')
      delays.push(await delay())
    }
    for (const [index, expected] of [10, 20, 40, 3600].entries()) {
      expect(delays[index]).toBeGreaterThan(expected - 10)
      expect(delays[index]).toBeLessThanOrEqual(expected)
    }
    await sqlOf(server, "update diff set updated_at = now() - interval '25 hours' where id = $1", [rowId(id)])
    await due(id)
    expect(await pushWhen(id, is('FAILED'))).toMatchObject({ attempts: 31, error: expect.stringMatching(/connect/i) })
    expect((await diffState(server, id)).status).toBe('COMMITTED')
  })

  it('to a branch that has gone another way is FAILED at once, and the commit here stays', async () => {
    await using project = await pushing()
    const theirs = await project.repository.commit()
    const { id, oid } = await committedDiff(server, project.id)
    expect(await pushWhen(id, is('FAILED'))).toMatchObject({
      attempts: 1,
      error: expect.stringMatching(/sync the project first[\s\S]*rejected/),
    })
    expect(await headHere(server, project.id)).toBe(oid)
    expect((await diffState(server, id)).status).toBe('COMMITTED')
    expect(await project.repository.head()).toBe(theirs)

    // Somebody takes theirs back: a sync finds the remote behind, and asks for the push again.
    await project.repository.git('update-ref', 'refs/heads/main', `${theirs}^`)
    expect(await mutate(server, 'syncProject', { id: project.id })).toMatchObject({ id: project.id })
    await pushWhen(id, is('PUSHED'))
    expect(await project.repository.head()).toBe(oid)
  })

  it('that somebody brought there otherwise counts as pushed once a sync has seen it', async () => {
    await using project = await pushing()
    await project.remote.close()
    const { id, oid } = await committedDiff(server, project.id)
    await pushWhen(id, isTried)
    await later(id)
    await gitOf(server, project.id, 'push', '-q', project.repository.directory, 'main')
    await project.repository.commit()
    await project.remote.open()
    expect(await mutate(server, 'syncProject', { id: project.id })).toMatchObject({ id: project.id })
    expect(await push(id)).toEqual({ status: 'PUSHED', attempts: 1, error: null })
    expect(await project.repository.git('merge-base', '--is-ancestor', oid, 'main')).toBe('')
  })

  it('with a credential that is refused waits, and is pushed as soon as there is a right one', async () => {
    await using project = await pushing()
    await made(server, 'updateProject', {
      input: { id: project.id, remoteCredential: { accessToken: 'tok-wrong-1234567890' } },
    })
    const { id, oid } = await committedDiff(server, project.id)
    const waiting = await pushWhen(id, isTried)
    expect(waiting).toMatchObject({ status: 'PENDING', error: expect.stringMatching(/refused the credential/) })
    expect(waiting.error).not.toContain('tok-')
    await made(server, 'updateProject', { input: { id: project.id, remoteCredential: { accessToken: token } } })
    await pushWhen(id, is('PUSHED'))
    expect(await project.repository.head()).toBe(oid)
  })

  it('is no longer tried when pushing is turned off, and again when it is turned on', async () => {
    await using project = await pushing()
    await project.remote.close()
    const { id } = await committedDiff(server, project.id)
    await pushWhen(id, isTried)
    await update(server, project.id, { pushOnCommit: false })
    await due(id)
    expect(await pushWhen(id, is('FAILED'))).toMatchObject({ error: expect.stringMatching(/no longer pushes/) })
    await project.remote.open()
    await update(server, project.id, { pushOnCommit: true })
    await pushWhen(id, is('PUSHED'))
  })
})

it('a push whose job was lost is found again, and one whose job comes twice is made once', async () => {
  const patience = { intervalMs: 3_600_000, waitingMs: 0, abandonedMs: 0 }
  await using quiet = await startRemoteServer({ overrides: { patience } })
  await using project = await remoteProject(quiet)
  await update(quiet, project.id, { pushOnCommit: true })
  const { id } = await committedDiff(quiet, project.id)
  const row = async () => (await sqlOf(quiet, 'select status, attempts from push where diff_id = $1', [rowId(id)]))[0]
  await expect.poll(row, { timeout: 10_000 }).toEqual({ status: 'PUSHED', attempts: 1 })
  await sqlOf(quiet, "update push set status = 'PENDING', attempts = 0 where diff_id = $1", [rowId(id)])
  await sqlOf(quiet, "delete from outbox where job = 'push-commit'")
  expect(await recoverWork(quiet.context.services, patience)).toBe(1)
  expect(await recoverWork(quiet.context.services, patience)).toBeLessThanOrEqual(1)
  await expect.poll(row, { timeout: 10_000 }).toEqual({ status: 'PUSHED', attempts: 1 })

  await sqlOf(quiet, "update push set status = 'PENDING', attempts = 0 where diff_id = $1", [rowId(id)])
  const { services } = quiet.context
  const again = () => pushCommit(services, rowId(id), new AbortController().signal)
  await Promise.all([again(), again(), again()])
  await again()
  expect(await row()).toEqual({ status: 'PUSHED', attempts: 1 })
})
