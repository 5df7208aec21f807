import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { diffStatuses, diffTransitions } from '../../src/domain/diff/diff.status.ts'
import { globalId } from '../factories/api.ts'
import {
  branchHas,
  type DiffAnswer,
  type FileContents,
  keepHunks,
  numbered,
  patchOf,
  shownDiff,
  tracesOf,
  treeWith,
} from '../factories/diff-commands.ts'
import { commit, gitOf, proposed, review, type ShownDiff, sqlOf } from '../factories/gate.ts'
import { actorWithToken, readyProject, rowId } from '../factories/pipeline.ts'
import { latestTestRun, testCase } from '../factories/testing.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

const three = numbered(40)
const threeChanged = numbered(40, { 5: 'five', 20: 'twenty\nand more\nand more', 35: 'thirty-five' })

const latin = (text: string) => Buffer.from(text, 'latin1')
const bytes = Buffer.from([0, 1, 2, 255, 0])
interface Case {
  readonly before: FileContents
  readonly after: FileContents
  readonly hunks?: readonly number[]
  readonly files?: readonly string[]
  readonly result: FileContents
}
const moved = numbered(30, { 2: 'two', 25: 'twenty-five' })
const cases: Record<string, Case> = {
  'of several files': {
    before: { 'a.txt': three, 'b.txt': three, 'c.txt': three },
    after: { 'a.txt': threeChanged, 'b.txt': threeChanged, 'c.txt': 'gone\n' },
    hunks: [1, 3, 5],
    result: {
      'a.txt': numbered(40, { 20: 'twenty\nand more\nand more' }),
      'b.txt': numbered(40, { 5: 'five', 35: 'thirty-five' }),
    },
  },
  'in the middle of lines that are all alike': {
    before: { 'a.txt': 'x\n'.repeat(60) },
    after: { 'a.txt': `x\n${'a\n'.repeat(9)}${'x\n'.repeat(25)}b\n${'x\n'.repeat(25)}c\n${'x\n'.repeat(9)}` },
    hunks: [1],
    result: { 'a.txt': `${'x\n'.repeat(26)}b\n${'x\n'.repeat(34)}` },
  },
  'of a renamed file, which is renamed with any of them': {
    before: { 'old name.txt': numbered(30) },
    after: { 'old name.txt': null, 'new/näme.txt': moved },
    hunks: [1],
    result: { 'old name.txt': null, 'new/näme.txt': numbered(30, { 25: 'twenty-five' }) },
  },
  'of a file that is made executable, which it is with any of them': {
    before: { run: numbered(30) },
    after: { run: { content: Buffer.from(moved), mode: '100755' } },
    hunks: [0],
    result: { run: { content: Buffer.from(numbered(30, { 2: 'two' })), mode: '100755' } },
  },
  'of a new file': {
    before: { 'a.txt': 'a\n' },
    after: { 'a.txt': 'b\n', 'new.txt': 'new\n' },
    hunks: [1],
    result: { 'new.txt': 'new\n' },
  },
  'of a removed file': {
    before: { 'a.txt': 'a\n', 'b.txt': 'b\n' },
    after: { 'a.txt': 'c\n', 'b.txt': null },
    hunks: [1],
    result: { 'b.txt': null },
  },
  'at an end without a line end': {
    before: { 'a.txt': `${numbered(30)}end` },
    after: { 'a.txt': `${moved}the end` },
    hunks: [1],
    result: { 'a.txt': `${numbered(30, { 25: 'twenty-five' })}the end` },
  },
  'that add and remove whole ends': {
    before: { 'a.txt': numbered(30) },
    after: { 'a.txt': `first\n${numbered(15)}${numbered(26).split('\n').slice(18).join('\n')}` },
    hunks: [0],
    result: { 'a.txt': `first\n${numbered(30)}` },
  },
  'with carriage returns': {
    before: { 'a.txt': numbered(30).replaceAll('\n', '\r\n') },
    after: { 'a.txt': moved.replaceAll('\n', '\r\n') },
    hunks: [0],
    result: { 'a.txt': numbered(30, { 2: 'two' }).replaceAll('\n', '\r\n') },
  },
  'that turn line ends': {
    before: { 'a.txt': numbered(30) },
    after: { 'a.txt': numbered(30, { 2: 'line 2\r', 25: 'line 25\r' }) },
    hunks: [1],
    result: { 'a.txt': numbered(30, { 25: 'line 25\r' }) },
  },
  'of text that is no UTF-8, if it is all of them': {
    before: { 'a.txt': latin(`h\xe9\n${numbered(30)}`), 'b.txt': 'b\n' },
    after: { 'a.txt': latin(`h\xe8\n${moved}`), 'b.txt': 'c\n' },
    hunks: [0, 1],
    result: { 'a.txt': latin(`h\xe8\n${moved}`) },
  },
  'whose lines look like headers': {
    before: { 'a.txt': numbered(30) },
    after: {
      'a.txt': numbered(30, { 2: '@@ -1,3 +1,3 @@\ndiff --git a/x b/x\n--- a/x\n+++ b/x', 25: '@@ -0,0 +1 @@' }),
    },
    hunks: [1],
    result: { 'a.txt': numbered(30, { 25: '@@ -0,0 +1 @@' }) },
  },
  'and a binary file by its path': {
    before: { 'a.bin': bytes, 'b.txt': 'b\n' },
    after: { 'a.bin': Buffer.concat([bytes, bytes]), 'b.txt': 'c\n' },
    files: ['a.bin'],
    result: { 'a.bin': Buffer.concat([bytes, bytes]) },
  },
  'and an empty file that goes, by its path': {
    before: { 'was-empty': '', 'b.txt': 'b\n' },
    after: { 'was-empty': null, 'b.txt': 'c\n' },
    files: ['was-empty'],
    result: { 'was-empty': null },
  },
  'and a mode, a rename and an empty file, by their paths': {
    before: { run: 'x\n', 'from.txt': numbered(9), 'b.txt': 'b\n', other: 'o\n' },
    after: {
      run: { content: Buffer.from('x\n'), mode: '100755' },
      'from.txt': null,
      'to.txt': numbered(9),
      'sub/empty': '',
      'b.txt': 'c\n',
      other: { content: Buffer.from('o\n'), mode: '100755' },
    },
    hunks: [0],
    files: ['run', 'to.txt', 'sub/empty'],
    result: {
      run: { content: Buffer.from('x\n'), mode: '100755' },
      'from.txt': null,
      'to.txt': numbered(9),
      'sub/empty': '',
      'b.txt': 'c\n',
    },
  },
}

/** Files in a directory. */
const within = (directory: string, files: FileContents): FileContents =>
  Object.fromEntries(Object.entries(files).map(([path, file]) => [`${directory}/${path}`, file]))

let server: TestServer
/** The branch has the files of every case, each case's in a directory of its own. */
let manyFiles: string
beforeAll(async () => {
  // Test runs stay QUEUED: what is tested here is that they are asked for.
  server = await startTestServer({ rehearsal: false, pools: { maintenance: 1 } })
  const before = Object.entries(cases).map(([name, files]) => within(name, files.before))
  manyFiles = await projectOf(Object.assign({}, ...before))
})
afterAll(() => server[Symbol.asyncDispose]())

/** A project with these files on its branch. */
const projectOf = async (files: FileContents, input: object = {}): Promise<string> => {
  const projectId = await readyProject(server, input)
  await branchHas(server, projectId, files)
  return projectId
}

const proposedFiles = async (projectId: string, files: FileContents, token?: string): Promise<ShownDiff> =>
  proposed(server, projectId, { content: await patchOf(server, projectId, files), commitMessage: 'Change it' }, token)

describe.concurrent('the chosen hunks', () => {
  it('become a new diff on the same base in the place of the old one, linked both ways', async () => {
    const projectId = await projectOf({ 'a.txt': three }, { policy: { requirePassingTests: true } })
    await testCase(server, projectId, { name: 'quick', command: ['true'] })
    await testCase(server, projectId, { name: 'slow', command: ['true'], quick: false })
    const author = await actorWithToken(server, { name: 'Ada', role: 'AUTHOR' })
    const old = await proposedFiles(projectId, { 'a.txt': threeChanged }, author.token)
    await review(server, old)
    const kept = await keepHunks(server, old.id, [0, 2])
    expect(kept).toMatchObject({
      __typename: 'Diff',
      status: 'PROPOSED',
      origin: 'EXTERNAL',
      baseCommit: old.baseCommit,
      commitMessage: 'Change it',
      iteration: 1,
      hunks: 2,
      author: { id: author.id },
      supersedes: { id: old.id },
      supersededBy: null,
      reviews: [],
      approval: { given: 0, satisfied: false },
      latestTestRun: { status: 'QUEUED', total: 1 },
    })
    expect(kept.resultTree).toBe(
      await treeWith(server, projectId, { 'a.txt': numbered(40, { 5: 'five', 35: 'thirty-five' }) }, old.baseCommit),
    )
    const before = await shownDiff(server, old.id)
    expect(before).toMatchObject({ status: 'SUPERSEDED', supersededBy: { id: kept.id }, reviews: [{}] })
    expect(kept.safety.id).not.toBe(before.safety.id)
    expect(await latestTestRun(server, kept.id)).not.toMatchObject({ id: (await latestTestRun(server, old.id)).id })
    const stored = await gitOf(server, projectId, 'rev-parse', `refs/countersign/diffs/${rowId(kept.id)}^{tree}`)
    expect(stored).toBe(kept.resultTree)
  })

  it('can be chosen from again, until one is left', async () => {
    const projectId = await projectOf({ 'a.txt': three })
    const old = await proposedFiles(projectId, { 'a.txt': threeChanged })
    const two = await keepHunks(server, old.id, [1, 2])
    const one = await keepHunks(server, two.id, [0])
    expect(one).toMatchObject({ hunks: 1, supersedes: { id: two.id } })
    expect(one.resultTree).toBe(
      await treeWith(server, projectId, { 'a.txt': numbered(40, { 20: 'twenty\nand more\nand more' }) }),
    )
    expect(await review(server, { ...old, ...one })).toMatchObject({ status: 'APPROVED' })
    expect(await commit(server, one.id)).toMatchObject({ status: 'COMMITTED' })
    expect(await gitOf(server, projectId, 'rev-parse', 'main^{tree}')).toBe(one.resultTree)
  })

  it.each(Object.entries(cases))('%s', async (name, { after, hunks = [], files = [], result }) => {
    const old = await proposedFiles(manyFiles, within(name, after))
    const kept = await keepHunks(server, old.id, hunks, { files: files.map((path) => `${name}/${path}`) })
    expect(kept).toMatchObject({ __typename: 'Diff', status: 'PROPOSED' })
    const expected = await treeWith(server, manyFiles, within(name, result))
    expect(await gitOf(server, manyFiles, 'diff', expected, kept.resultTree)).toBe('')
    expect(kept.resultTree).toBe(expected)
  })
})

/** Asks for what is refused, and shows that nothing was stored or changed. */
const refused = async (work: () => Promise<DiffAnswer>, projectId: string, expected: object): Promise<DiffAnswer> => {
  const before = await tracesOf(server, projectId)
  const answer = await work()
  expect(answer).toMatchObject(expected)
  expect(await tracesOf(server, projectId)).toEqual(before)
  return answer
}

describe('what is refused changes nothing', () => {
  let projectId: string
  let chosenFrom: ShownDiff
  beforeAll(async () => {
    projectId = await projectOf({ 'a.txt': three, 'a.bin': Buffer.from([0]), run: 'x\n' })
    const run = { content: Buffer.from('x\n'), mode: '100755' as const }
    chosenFrom = await proposedFiles(projectId, { 'a.txt': threeChanged, 'a.bin': Buffer.from([0, 1]), run })
  })

  it.each<[string, readonly number[], readonly string[], RegExp]>([
    ['nothing', [], [], /^hunks: choose at least one hunk/],
    ['everything', [0, 1, 2], ['a.bin', 'run'], /^hunks: this keeps everything/],
    ['a hunk that there is none of', [0, 3], [], /^hunks: there is no hunk 3; the diff has 3/],
    ['a negative one', [-1], [], /^hunks: there is no hunk -1/],
    ['one hunk twice', [1, 1], [], /^hunks: .*1.*twice/],
    ['a path that there is none of', [0], ['b.txt'], /^files: "b.txt" is no change without hunks/],
    ['the path of a file with hunks', [], ['a.txt'], /^files: "a.txt" is no change without hunks/],
    ['one path twice', [], ['run', 'run'], /^files: .*run.*twice/],
    ['a path of control characters', [0], ['\u0007\n'], /^files: "\\u0007\\n"/],
  ])('a choice of %s', async (_, hunks, files, words) => {
    const keep = () => keepHunks(server, chosenFrom.id, hunks, { files })
    const answer = await refused(keep, projectId, { __typename: 'ValidationError' })
    expect(answer.message).toMatch(words)
    expect(answer.fieldErrors?.map(({ path }) => path)).toEqual([[words.source.slice(1, 6)]])
    expect((await shownDiff(server, chosenFrom.id)).status).toBe('PROPOSED')
  })

  it('some hunks of a text that is no UTF-8', async () => {
    const projectId = await projectOf({ 'a.txt': Buffer.from(`\xe9\n${numbered(30)}`, 'latin1') })
    const after = Buffer.from(`\xe8\n${numbered(30, { 25: 'x' })}`, 'latin1')
    const old = await proposedFiles(projectId, { 'a.txt': after })
    const answer = await refused(() => keepHunks(server, old.id, [1]), projectId, { __typename: 'ValidationError' })
    expect(answer.message).toContain('a.txt is no UTF-8 text')
  })

  it('a file without the removal of what stands in its place', async () => {
    const projectId = await projectOf({ thing: 'x\n', 'b.txt': 'b\n' })
    const old = await proposedFiles(projectId, { thing: null, 'thing/inner.txt': 'y\n', 'b.txt': 'c\n' })
    const { files } = await shownDiff(server, old.id)
    const added = files.findIndex(({ path }) => path === 'thing/inner.txt')
    await refused(() => keepHunks(server, old.id, [added]), projectId, {
      __typename: 'PatchRejectedError',
      reason: 'DOES_NOT_APPLY',
    })
    expect((await shownDiff(server, old.id)).status).toBe('PROPOSED')
  })

  it('a choice that leaves code that does not parse', async () => {
    const body = numbered(20).replaceAll(/line (\d+)/g, 'x$1 = $1')
    const projectId = await projectOf({ 'a.py': body })
    const quoted = await proposedFiles(projectId, { 'a.py': `"""\n${body}"""\n` })
    await refused(() => keepHunks(server, quoted.id, [0]), projectId, { __typename: 'SyntaxRejectedError' })
  })
})

describe.concurrent('who may choose', () => {
  it('the author, the requester and whoever may review; nobody else', async () => {
    const projectId = await projectOf({ 'a.txt': three })
    const [author, requester, other, reviewer, viewer, stranger] = await Promise.all([
      actorWithToken(server, { role: 'AUTHOR' }),
      actorWithToken(server, { role: 'AUTHOR' }),
      actorWithToken(server, { role: 'AUTHOR' }),
      actorWithToken(server, { role: 'REVIEWER' }),
      actorWithToken(server, { role: 'VIEWER' }),
      actorWithToken(server, {}),
    ])
    const diff = async () => {
      const shown = await proposedFiles(projectId, { 'a.txt': threeChanged }, author.token)
      await sqlOf(server, 'update diff set requested_by_id = $2 where id = $1', [rowId(shown.id), rowId(requester.id)])
      return shown.id
    }
    for (const { token } of [author, requester, reviewer]) {
      expect(await keepHunks(server, await diff(), [0], { token })).toMatchObject({ status: 'PROPOSED' })
    }
    const id = await diff()
    for (const { token } of [other, viewer]) {
      const answer = await keepHunks(server, id, [0], { token })
      expect(answer).toMatchObject({ __typename: 'ForbiddenError', requiredRole: 'REVIEWER' })
    }
    expect(await keepHunks(server, id, [0], { token: stranger.token })).toMatchObject({ __typename: 'NotFoundError' })
    const nowhere = globalId('Diff', '00000000-0000-0000-0000-000000000000')
    for (const unknown of [nowhere, projectId]) {
      expect(await keepHunks(server, unknown, [0])).toMatchObject({ __typename: 'NotFoundError' })
    }
    expect((await shownDiff(server, id)).status).toBe('PROPOSED')
  })

  it('is asked of the transition table', async () => {
    const projectId = await projectOf({ 'a.txt': three })
    for (const status of diffStatuses) {
      const { id } = await proposedFiles(projectId, { 'a.txt': threeChanged })
      await sqlOf(server, 'update diff set status = $2 where id = $1', [rowId(id), status])
      const answer = await keepHunks(server, id, [1])
      const next: readonly string[] = diffTransitions[status]
      if (next.includes('SUPERSEDED')) expect(answer).toMatchObject({ status: 'PROPOSED' })
      else expect(answer).toMatchObject({ __typename: 'InvalidTransitionError', from: status, to: 'SUPERSEDED' })
      expect((await shownDiff(server, id)).status).toBe(next.includes('SUPERSEDED') ? 'SUPERSEDED' : status)
      // There is at most one commit under way.
      await sqlOf(server, "update diff set status = 'HUMAN_REJECTED' where id = $1", [rowId(id)])
    }
  })

  it('not in an archived project', async () => {
    const projectId = await projectOf({ 'a.txt': three })
    const { id } = await proposedFiles(projectId, { 'a.txt': threeChanged })
    await server.query('mutation ($id: ID!) { archiveProject(id: $id) { __typename } }', { id: projectId })
    expect(await keepHunks(server, id, [1])).toMatchObject({ __typename: 'InvalidTransitionError', to: 'READY' })
  })
})

describe.concurrent('a second choice', () => {
  it('is told which diff took the place of the first', async () => {
    const projectId = await projectOf({ 'a.txt': three })
    const { id } = await proposedFiles(projectId, { 'a.txt': threeChanged })
    const kept = await keepHunks(server, id, [1])
    const answer = await keepHunks(server, id, [1])
    expect(answer).toMatchObject({ __typename: 'InvalidTransitionError', from: 'SUPERSEDED' })
    expect(answer.message).toContain(rowId(kept.id))
  })

  it('at the same time as the first: one is made, and nothing is left of the others', async () => {
    const projectId = await projectOf({ 'a.txt': three })
    const { id } = await proposedFiles(projectId, { 'a.txt': threeChanged })
    const answers = await Promise.all([[0], [1], [2], [0, 1]].map((hunks) => keepHunks(server, id, hunks)))
    const made = answers.filter(({ __typename }) => __typename === 'Diff')
    expect(made).toHaveLength(1)
    expect(answers.filter(({ __typename }) => __typename === 'InvalidTransitionError')).toHaveLength(3)
    expect((await shownDiff(server, id)).supersededBy?.id).toBe(made[0]?.id)
    const refs = await gitOf(
      server,
      projectId,
      'for-each-ref',
      '--format=%(refname:lstrip=3)',
      'refs/countersign/diffs',
    )
    expect(refs.split('\n').toSorted()).toEqual([rowId(id), rowId(made[0]?.id ?? '')].toSorted())
  })
})
