import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { made } from '../factories/api.ts'
import { cloneOf, noteOf } from '../factories/evidence.ts'
import { diffState, gitOf, sqlOf } from '../factories/gate.ts'
import { rowId } from '../factories/pipeline.ts'
import { committedDiff, headHere, type RemoteProject, remoteProject, startRemoteServer } from '../remotes/projects.ts'
import type { TestServer } from '../support/server.ts'

let server: TestServer
let keyId: string
beforeAll(async () => {
  server = await startRemoteServer({ overrides: { patience: { intervalMs: 50, waitingMs: 500, abandonedMs: 100 } } })
  keyId = server.context.services.signer.keyId
})
afterAll(() => server[Symbol.asyncDispose]())

interface ShownPush {
  readonly status: string
  readonly attempts: number
  readonly error: string | null
}

/** The push once it has what is waited for. */
const pushWhen = async (diffId: string, matches: (push: ShownPush) => boolean): Promise<ShownPush> => {
  const read = async (): Promise<ShownPush> => {
    const { node } = await server.query(
      'query ($id: ID!) { node(id: $id) { ... on Diff { push { status attempts error } } } }',
      { id: diffId },
    )
    return node.push
  }
  const stop = new AbortController()
  try {
    for await (const { body } of server.context.feed.follow({ projectIds: null }, { xid: '0', id: '0' }, stop.signal)) {
      if (body.type !== 'DiffChanged' || body.diffId !== rowId(diffId)) continue
      const found = await read()
      if (found && matches(found)) return found
    }
  } finally {
    stop.abort()
  }
  throw new Error('The push did not come so far.')
}

const isPushed = ({ status }: ShownPush) => status === 'PUSHED'
const isTried = ({ attempts }: ShownPush) => attempts > 0

const due = (diffId: string) =>
  sqlOf(server, "update push set next_at = now() - interval '1 second' where diff_id = $1", [rowId(diffId)])

const pushing = async (): Promise<RemoteProject> => {
  const project = await remoteProject(server)
  await made(server, 'updateProject', { input: { id: project.id, pushOnCommit: true } })
  return project
}

const notesRef = 'refs/notes/countersign'

/** A note that another server put on the remote for a commit of its own. */
const theirNote = async (project: RemoteProject, text: string): Promise<string> => {
  const { repository } = project
  const oid = await repository.git('commit-tree', '-m', text, 'main^{tree}')
  await repository.git('notes', '--ref=countersign', 'add', '-f', '-m', text, oid)
  return oid
}

describe('evidence in a project that pushes', () => {
  it('reaches the remote with the commit, and a clone of the remote proves it', async () => {
    await using project = await pushing()
    const { id, oid } = await committedDiff(server, project.id)
    expect(await pushWhen(id, isPushed)).toEqual({ status: 'PUSHED', attempts: 1, error: null })
    expect(await project.repository.head()).toBe(oid)
    expect(await project.repository.git('rev-parse', notesRef)).toBe(
      await gitOf(server, project.id, 'rev-parse', notesRef),
    )
    await using clone = await cloneOf(project.repository.directory)
    expect(await clone.faults('HEAD', keyId)).toEqual([])
  })

  it("is joined with what others put there: nobody's is lost, here or there, and nothing is forced", async () => {
    await using project = await pushing()
    const others = [await theirNote(project, 'one'), await theirNote(project, 'two')]
    const before = await project.repository.git('rev-parse', notesRef)
    const first = await committedDiff(server, project.id)
    expect(await pushWhen(first.id, isPushed)).toMatchObject({ attempts: 1, error: null })
    others.push(await theirNote(project, 'three'))
    const second = await committedDiff(server, project.id)
    expect(await pushWhen(second.id, isPushed)).toMatchObject({ attempts: 1, error: null })
    expect(await project.repository.git('merge-base', '--is-ancestor', before, notesRef)).toBe('')
    for (const [index, text] of ['one', 'two', 'three'].entries()) {
      expect(await project.repository.git('notes', '--ref=countersign', 'show', others[index] ?? '')).toBe(text)
    }
    await using clone = await cloneOf(project.repository.directory)
    expect(await clone.faults(first.oid, keyId)).toEqual([])
    expect(await clone.faults(second.oid, keyId)).toEqual([])
    expect(await gitOf(server, project.id, 'fsck', '--strict', '--no-dangling')).toBe('')
  })

  it('stands against another note for the same commit at the remote', async () => {
    await using project = await pushing()
    await project.remote.close()
    const { id, oid } = await committedDiff(server, project.id)
    await pushWhen(id, isTried)
    await gitOf(server, project.id, 'push', '-q', project.repository.directory, 'main')
    await project.repository.git('notes', '--ref=countersign', 'add', '-m', 'forged', oid)
    await project.remote.open()
    await due(id)
    await pushWhen(id, isPushed)
    const note = await noteOf(server, project.id, oid)
    expect(await project.repository.git('notes', '--ref=countersign', 'show', oid)).toBe(note?.toString('utf8').trim())
    await using clone = await cloneOf(project.repository.directory)
    expect(await clone.faults('HEAD', keyId)).toEqual([])
  })

  it('that the remote refuses is said, and tried again, and the commit stays here and there', async () => {
    await using project = await pushing()
    await project.repository.git('config', 'receive.hideRefs', 'refs/notes')
    const { id, oid } = await committedDiff(server, project.id)
    const waiting = await pushWhen(id, isTried)
    expect(waiting).toMatchObject({
      status: 'PENDING',
      attempts: 1,
      error: expect.stringContaining('The commit is at the remote, and its evidence is not.'),
    })
    expect(await project.repository.head()).toBe(oid)
    expect(await headHere(server, project.id)).toBe(oid)
    expect((await diffState(server, id)).status).toBe('COMMITTED')
    await project.repository.git('config', '--unset', 'receive.hideRefs')
    await due(id)
    expect(await pushWhen(id, isPushed)).toMatchObject({ attempts: 2, error: null })
    await using clone = await cloneOf(project.repository.directory)
    expect(await clone.faults('HEAD', keyId)).toEqual([])
  })

  it('that cannot be joined with what is at the remote is said', async () => {
    await using project = await pushing()
    const blob = await project.repository.git('hash-object', '-w', '-t', 'tree', '/dev/null')
    await project.repository.git('update-ref', notesRef, await project.repository.git('rev-parse', `${blob}`))
    const { id } = await committedDiff(server, project.id)
    const waiting = await pushWhen(id, isTried)
    expect(waiting).toMatchObject({ status: 'PENDING', error: expect.stringContaining('its evidence is not') })
    expect(await noteOf(server, project.id, await headHere(server, project.id))).toBeDefined()
  })
})
