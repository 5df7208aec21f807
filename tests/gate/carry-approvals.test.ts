import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { branchHas, type FileContents, numbered, patchOf, rebase, shownDiff } from '../factories/diff-commands.ts'
import { commit, gitOf, proposed, review, type ShownDiff, setPolicy, sqlOf } from '../factories/gate.ts'
import { actorWithToken, readyProject, rowId } from '../factories/pipeline.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer({ rehearsal: false, pools: { maintenance: 1 } })
})
afterAll(() => server[Symbol.asyncDispose]())

const start = numbered(30)
const changed = numbered(30, { 15: 'fifteen' })

interface Scene {
  readonly projectId: string
  readonly diff: ShownDiff
}

/** A diff with one approval, on a branch with the given files. */
const approved = async (
  options: { files?: FileContents; change?: FileContents; policy?: object; token?: string } = {},
): Promise<Scene> => {
  const projectId = await readyProject(server, options.policy ? { policy: options.policy } : {})
  await branchHas(server, projectId, { 'a.txt': start, ...options.files })
  const content = await patchOf(server, projectId, options.change ?? { 'a.txt': changed })
  const diff = await proposed(server, projectId, { content, commitMessage: 'Change it' })
  expect((await review(server, diff, options.token ? { token: options.token } : {})).__typename).toBe('Diff')
  return { projectId, diff }
}

const elsewhere = { 'other.txt': 'other\n' }

describe.concurrent('the approvals of a rebased diff', () => {
  it('come along, as reviews that name the ones they carry on, and it is committed without another click', async () => {
    const rita = await actorWithToken(server, { name: 'Rita', role: 'REVIEWER' })
    const { projectId, diff } = await approved({ policy: { requiredApprovals: 2 } })
    await review(server, diff, { token: rita.token })
    const before = await shownDiff(server, diff.id)
    expect(before).toMatchObject({ status: 'APPROVED', approval: { given: 2 } })
    const head = await branchHas(server, projectId, { 'a.txt': `zero\n${start}` })
    const fresh = await rebase(server, diff.id)
    expect(fresh).toMatchObject({ status: 'APPROVED', approval: { given: 2, satisfied: true }, baseCommit: head })
    expect(fresh.reviews).toHaveLength(2)
    for (const [index, { id, reviewer }] of before.reviews.entries()) {
      expect(fresh.reviews[index]).toMatchObject({
        verdict: 'APPROVE',
        stillHolds: true,
        baseCommit: head,
        reviewer,
        carriedFrom: { id, stillHolds: true },
      })
    }
    await server.event('DiffChanged', (body) => body.diffId === rowId(fresh.id) && body.status === 'APPROVED')
    expect(await commit(server, fresh.id)).toMatchObject({ status: 'COMMITTED' })
    const message = await gitOf(server, projectId, 'log', '-1', '--format=%B', 'main')
    expect(message.match(/^Reviewed-by: \w+/gm)?.toSorted()).toEqual([
      'Reviewed-by: Administrator',
      'Reviewed-by: Rita',
    ])
  })

  it('that are too few are carried and are still too few', async () => {
    const { projectId, diff } = await approved({ policy: { requiredApprovals: 2 } })
    await branchHas(server, projectId, elsewhere)
    expect(await rebase(server, diff.id)).toMatchObject({ status: 'PROPOSED', approval: { given: 1 }, reviews: [{}] })
  })

  it('come along again and again, each from the diff before', async () => {
    const { projectId, diff } = await approved()
    let last = await shownDiff(server, diff.id)
    for (const text of ['one\n', 'two\n', 'three\n']) {
      await branchHas(server, projectId, { 'other.txt': text })
      const fresh = await rebase(server, last.id)
      expect(fresh).toMatchObject({ status: 'APPROVED', supersedes: { id: last.id } })
      expect(fresh.reviews.map(({ carriedFrom }) => carriedFrom?.id)).toEqual(last.reviews.map(({ id }) => id))
      last = fresh
    }
    expect(await commit(server, last.id)).toMatchObject({ status: 'COMMITTED' })
  })

  it('count one person once who approves again what was carried', async () => {
    const { projectId, diff } = await approved({ policy: { requiredApprovals: 2 } })
    await branchHas(server, projectId, elsewhere)
    const fresh = await rebase(server, diff.id)
    await review(server, { ...diff, ...fresh })
    expect(await shownDiff(server, fresh.id)).toMatchObject({ approval: { given: 1 }, reviews: [{}] })
  })
})

describe.concurrent('nothing is carried', () => {
  /** Rebases after `between`, and shows that a person has to look. */
  const notCarried = async ({ projectId, diff }: Scene, files: FileContents) => {
    await branchHas(server, projectId, files)
    const fresh = await rebase(server, diff.id)
    expect(fresh).toMatchObject({ __typename: 'Diff', status: 'PROPOSED', reviews: [], approval: { given: 0 } })
    expect(await commit(server, fresh.id)).toMatchObject({ __typename: 'ApprovalRequiredError' })
    const shown = { ...diff, ...fresh }
    expect(await review(server, shown)).toMatchObject({ status: 'APPROVED' })
    expect(await commit(server, fresh.id)).toMatchObject({ status: 'COMMITTED' })
    return { fresh, old: await shownDiff(server, diff.id) }
  }

  it('when a line beside the change is another one now', async () => {
    const { fresh, old } = await notCarried(await approved(), { 'a.txt': numbered(30, { 13: 'thirteen' }) })
    expect(fresh.changeHash).not.toBe(old.changeHash)
    expect(fresh.safety.reportHash).toBe(old.safety.reportHash)
  })

  const python = numbered(30).replaceAll(/line (\d+)/g, 'x$1 = $1')
  it('when what the file can do besides is another now', async () => {
    const scene = await approved({
      files: { 'a.py': `import os\n${python}` },
      change: { 'a.py': `import os\n${python}os.remove("x")\n` },
    })
    const { fresh, old } = await notCarried(scene, { 'a.py': `import os\nos.system("id")\n${python}` })
    expect(fresh.changeHash).toBe(old.changeHash)
    expect(fresh.safety.reportHash).not.toBe(old.safety.reportHash)
  })

  it('when the policy was changed since', async () => {
    const scene = await approved()
    await setPolicy(server, scene.projectId, { requirePassingTests: false, blockedCapabilities: ['PICKLE'] })
    await notCarried(scene, elsewhere)
  })

  it('when the message was changed since', async () => {
    const scene = await approved()
    await sqlOf(server, "update diff set commit_message = 'Another one' where id = $1", [rowId(scene.diff.id)])
    const { fresh } = await notCarried(scene, elsewhere)
    expect(fresh.commitMessage).toBe('Another one')
  })

  it('when nobody had approved', async () => {
    const projectId = await readyProject(server)
    const content = await patchOf(server, projectId, { 'a.txt': 'a\n' })
    const diff = await proposed(server, projectId, { content })
    await notCarried({ projectId, diff }, elsewhere)
  })

  it('on the way over a rebase that altered the change, though a later one alters nothing', async () => {
    const { projectId, diff } = await approved()
    await branchHas(server, projectId, { 'a.txt': numbered(30, { 13: 'thirteen' }) })
    const second = await rebase(server, diff.id)
    await branchHas(server, projectId, elsewhere)
    expect(await rebase(server, second.id)).toMatchObject({ status: 'PROPOSED', reviews: [] })
  })
})

describe.concurrent('what was carried', () => {
  it('falls with the policy like any other approval', async () => {
    const { projectId, diff } = await approved()
    await branchHas(server, projectId, elsewhere)
    const { id } = await rebase(server, diff.id)
    await setPolicy(server, projectId, { blockedCapabilities: ['PICKLE'] })
    expect(await shownDiff(server, id)).toMatchObject({ approval: { given: 0 }, reviews: [{ stillHolds: false }] })
    expect(await commit(server, id)).toMatchObject({ __typename: 'ApprovalRequiredError' })
  })

  it('does not count when its reviewer may no longer review', async () => {
    const rolf = await actorWithToken(server, { name: 'Rolf', role: 'REVIEWER' })
    const { projectId, diff } = await approved({ token: rolf.token })
    await sqlOf(server, "update actor set role = 'VIEWER' where id = $1", [rowId(rolf.id)])
    await branchHas(server, projectId, elsewhere)
    const fresh = await rebase(server, diff.id)
    expect(fresh).toMatchObject({ status: 'PROPOSED', approval: { given: 0 } })
    expect(await commit(server, fresh.id)).toMatchObject({ __typename: 'ApprovalRequiredError' })
  })

  it('does not make a diff APPROVED whose branch has moved on', async () => {
    const { projectId, diff } = await approved()
    await branchHas(server, projectId, elsewhere)
    const { id } = await rebase(server, diff.id)
    const head = await branchHas(server, projectId, { 'other.txt': 'moved on\n' })
    const answer = await commit(server, id)
    expect(answer).toMatchObject({ __typename: 'BaseDriftError', actual: head })
    expect(await shownDiff(server, id)).toMatchObject({ status: 'HUMAN_REVIEWING', drifted: true })
    const again = await rebase(server, id)
    expect(again).toMatchObject({ status: 'APPROVED' })
    expect(await commit(server, again.id)).toMatchObject({ status: 'COMMITTED' })
  })
})

describe.concurrent('when another diff is committed', () => {
  it('an approved one drifts, takes approvals without being APPROVED, and is committed after a rebase', async () => {
    const rita = await actorWithToken(server, { name: 'Rita', role: 'REVIEWER' })
    const { projectId, diff } = await approved()
    const content = await patchOf(server, projectId, { 'b.txt': 'b\n' })
    const first = await proposed(server, projectId, { content })
    await review(server, first)
    const done = await commit(server, first.id)
    expect(done).toMatchObject({ status: 'COMMITTED' })
    await server.event('DiffChanged', (body) => body.diffId === rowId(diff.id) && body.status === 'HUMAN_REVIEWING')
    expect(await shownDiff(server, first.id)).toMatchObject({ drifted: false })
    expect(await shownDiff(server, diff.id)).toMatchObject({
      status: 'HUMAN_REVIEWING',
      drifted: true,
      approval: { satisfied: true },
    })
    expect(await review(server, diff, { token: rita.token })).toMatchObject({ status: 'HUMAN_REVIEWING' })
    expect(await commit(server, diff.id)).toMatchObject({
      __typename: 'BaseDriftError',
      expected: diff.baseCommit,
      actual: done.commit?.oid,
    })
    const fresh = await rebase(server, diff.id)
    expect(fresh).toMatchObject({ status: 'APPROVED', drifted: false, approval: { given: 2 } })
    const landed = await commit(server, fresh.id)
    expect(landed).toMatchObject({ status: 'COMMITTED' })
    const history = await gitOf(server, projectId, 'rev-list', '--first-parent', '-2', 'main')
    expect(history.split('\n')).toEqual([landed.commit?.oid, done.commit?.oid])
  })

  it('five approved ones come in one after the other, each by one rebase and one commit', async () => {
    const projectId = await readyProject(server)
    const names = ['a', 'b', 'c', 'd', 'e']
    const diffs = await Promise.all(
      names.map(async (name) => {
        const content = await patchOf(server, projectId, { [name]: `${name}\n` })
        const diff = await proposed(server, projectId, { content })
        await review(server, diff)
        return diff
      }),
    )
    for (const { id } of diffs) {
      const { id: fresh } = await rebase(server, id)
      expect(await commit(server, fresh)).toMatchObject({ status: 'COMMITTED' })
    }
    expect((await gitOf(server, projectId, 'ls-tree', '--name-only', 'main')).split('\n')).toEqual(names)
  })
})
