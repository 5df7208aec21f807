import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { transact } from '../../src/domain/shared/transact.ts'
import { openTestRun, projectTestCases } from '../../src/domain/testing/open-test-run.ts'
import { runTests } from '../../src/domain/testing/run-tests.ts'
import { branchHas, patchOf, rebase, shownDiff } from '../factories/diff-commands.ts'
import { commit, proposed, review, type ShownDiff, sqlOf } from '../factories/gate.ts'
import { readyProject, rowId } from '../factories/pipeline.ts'
import { type NewTestCase, testCase } from '../factories/testing.ts'
import { reasonToSkip } from '../sandbox/sandbox-fixture.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

const skipReason = await reasonToSkip()

let server: TestServer
beforeAll(async () => {
  // No pool takes the test runs: each test says which one ends when.
  server = await startTestServer({ rehearsal: false, pools: { maintenance: 1 } })
})
afterAll(() => server[Symbol.asyncDispose]())

const never = new AbortController().signal

/** Runs every test run of a diff that is waiting. */
const endTests = async (diffId: string): Promise<void> => {
  const waiting = await sqlOf(server, "select id from test_run where diff_id = $1 and status = 'QUEUED'", [
    rowId(diffId),
  ])
  await Promise.all(waiting.map(({ id }) => runTests(server.context.services, String(id), never)))
}

/** One more test run of a diff, of all of its project's tests. */
const moreTests = async (projectId: string, diffId: string): Promise<void> => {
  const { services } = server.context
  const testCases = await projectTestCases(services, rowId(projectId))
  const [diff] = await sqlOf(server, 'select result_tree, base_tree from diff where id = $1', [rowId(diffId)])
  await transact(services, async (tx) =>
    openTestRun(services, tx, {
      subject: { projectId: rowId(projectId), diffId: rowId(diffId) },
      diffId: rowId(diffId),
      tree: String(diff?.result_tree),
      baseTree: String(diff?.base_tree),
      basis: 'WORKSPACE',
      testCases,
      force: true,
    }),
  )
}

const passesUnlessBroken: NewTestCase = { name: 'is not broken', command: ['sh', '-c', '! test -e broken'] }

/** A diff with an approval, and a test that has ended on it. */
const approved = async (given: NewTestCase = passesUnlessBroken) => {
  const projectId = await readyProject(server)
  const test = await testCase(server, projectId, given)
  const diff = await proposed(server, projectId, { content: await patchOf(server, projectId, { 'a.txt': 'a\n' }) })
  await endTests(diff.id)
  expect(await review(server, diff)).toMatchObject({ status: 'APPROVED' })
  return { projectId, diff, testId: test.id }
}

const carriedFrom = async (diffId: string) =>
  (await shownDiff(server, diffId)).reviews.map((review) => review.carriedFrom?.id ?? null)
const reviewsOf = async ({ id }: ShownDiff) => (await shownDiff(server, id)).reviews.map((review) => review.id)

describe.skipIf(skipReason !== null)(
  `approvals and tests${skipReason ? ` (skipped: ${skipReason})` : ''}`,
  { concurrent: true },
  () => {
    it('wait for the tests that were green, and come along when they are green again', async () => {
      const { projectId, diff } = await approved()
      await branchHas(server, projectId, { 'other.txt': 'other\n' })
      const fresh = await rebase(server, diff.id)
      expect(fresh).toMatchObject({ status: 'PROPOSED', reviews: [], latestTestRun: { status: 'QUEUED' } })
      await endTests(fresh.id)
      expect(await shownDiff(server, fresh.id)).toMatchObject({
        status: 'APPROVED',
        latestTestRun: { status: 'PASSED' },
      })
      expect(await carriedFrom(fresh.id)).toEqual(await reviewsOf(diff))
      expect(await commit(server, fresh.id)).toMatchObject({ status: 'COMMITTED' })
    })

    it('stay behind when a test that was green fails now', async () => {
      const { projectId, diff } = await approved()
      await branchHas(server, projectId, { broken: 'yes\n' })
      const fresh = await rebase(server, diff.id)
      await endTests(fresh.id)
      const shown = await shownDiff(server, fresh.id)
      expect(shown).toMatchObject({ status: 'PROPOSED', reviews: [], latestTestRun: { status: 'FAILED' } })
      expect(await commit(server, fresh.id)).toMatchObject({ __typename: 'ApprovalRequiredError' })
    })

    it('need no test that had failed before', async () => {
      const { projectId, diff } = await approved({ command: ['false'] })
      await branchHas(server, projectId, { 'other.txt': 'other\n' })
      const fresh = await rebase(server, diff.id)
      expect(fresh).toMatchObject({ status: 'APPROVED', latestTestRun: { status: 'QUEUED' } })
      await endTests(fresh.id)
      expect(await shownDiff(server, fresh.id)).toMatchObject({ status: 'APPROVED', reviews: [{}] })
    })

    it('stay behind when the test was made another, or was removed', async () => {
      for (const change of [
        'updateTestCase(input: { id: $id, command: ["true"] }) { __typename }',
        'updateTestCase(input: { id: $id, files: [{ path: "other.txt", text: "" }] }) { __typename }',
        'updateTestCase(input: { id: $id, timeoutMs: 9000 }) { __typename }',
        'deleteTestCase(id: $id) { __typename }',
      ]) {
        const { projectId, diff, testId } = await approved()
        await branchHas(server, projectId, { 'other.txt': 'other\n' })
        await server.query(`mutation ($id: ID!) { ${change} }`, { id: testId })
        const fresh = await rebase(server, diff.id)
        await endTests(fresh.id)
        expect(await shownDiff(server, fresh.id)).toMatchObject({ status: 'PROPOSED', reviews: [] })
      }
    })

    it('come along over two rebases, though the tests of the first had not ended', async () => {
      const { projectId, diff } = await approved()
      await branchHas(server, projectId, { 'other.txt': '1\n' })
      const first = await rebase(server, diff.id)
      await branchHas(server, projectId, { 'other.txt': '2\n' })
      const second = await rebase(server, first.id)
      expect(second).toMatchObject({ status: 'PROPOSED', reviews: [] })
      await endTests(second.id)
      expect(await shownDiff(server, second.id)).toMatchObject({ status: 'APPROVED' })
      expect(await carriedFrom(second.id)).toEqual(await reviewsOf(diff))
      // The first one's tests end late: it is SUPERSEDED, and nothing comes to it or through it.
      await endTests(first.id)
      expect(await shownDiff(server, first.id)).toMatchObject({ status: 'SUPERSEDED', reviews: [] })
      await moreTests(projectId, second.id)
      await endTests(second.id)
      expect(await carriedFrom(second.id)).toEqual(await reviewsOf(diff))
      expect(await commit(server, second.id)).toMatchObject({ status: 'COMMITTED' })
    })

    it('come along over two rebases with a test that is not run by default', async () => {
      const { projectId, diff } = await approved({ ...passesUnlessBroken, quick: false })
      await moreTests(projectId, diff.id)
      await endTests(diff.id)
      await branchHas(server, projectId, { 'other.txt': '1\n' })
      const first = await rebase(server, diff.id)
      expect(first).toMatchObject({ status: 'PROPOSED', latestTestRun: { total: 1 } })
      await branchHas(server, projectId, { 'other.txt': '2\n' })
      const second = await rebase(server, first.id)
      expect(second).toMatchObject({ status: 'PROPOSED', latestTestRun: { total: 1 } })
      await endTests(second.id)
      expect(await shownDiff(server, second.id)).toMatchObject({ status: 'APPROVED' })
    })

    it('stay behind when only some of the tests that were green are run again on the old diff before the rebase', async () => {
      const { projectId, diff, testId } = await approved()
      const other = await testCase(server, projectId, { name: 'other', command: ['true'] })
      await server.query(
        'mutation ($diff: ID!, $test: ID!) { testDiff(diffId: $diff, testCaseIds: [$test]) { __typename } }',
        {
          diff: diff.id,
          test: other.id,
        },
      )
      await endTests(diff.id)
      await branchHas(server, projectId, { broken: 'yes\n' })
      const fresh = await rebase(server, diff.id)
      await endTests(fresh.id)
      expect(await shownDiff(server, fresh.id)).toMatchObject({ status: 'PROPOSED', reviews: [] })
      expect(testId).not.toBe(other.id)
    })

    it('come along once, however many test runs end, and at once too', async () => {
      const { projectId, diff } = await approved()
      await branchHas(server, projectId, { 'other.txt': 'other\n' })
      const fresh = await rebase(server, diff.id)
      await moreTests(projectId, fresh.id)
      await moreTests(projectId, fresh.id)
      await endTests(fresh.id)
      await moreTests(projectId, fresh.id)
      await endTests(fresh.id)
      expect(await carriedFrom(fresh.id)).toEqual(await reviewsOf(diff))
      expect(await shownDiff(server, fresh.id)).toMatchObject({ status: 'APPROVED', approval: { given: 1 } })
    })

    it('do not come to a diff that was rejected or committed before its tests ended', async () => {
      const { projectId, diff } = await approved()
      await branchHas(server, projectId, { 'other.txt': 'other\n' })
      const fresh = await rebase(server, diff.id)
      await review(server, { ...diff, ...fresh }, { verdict: 'REJECT' })
      await endTests(fresh.id)
      const shown = await shownDiff(server, fresh.id)
      expect(shown).toMatchObject({ status: 'HUMAN_REJECTED', reviews: [{ verdict: 'REJECT' }] })
    })

    it('do not make it APPROVED when the branch moved on while its tests ran', async () => {
      const { projectId, diff } = await approved()
      await branchHas(server, projectId, { 'other.txt': 'other\n' })
      const fresh = await rebase(server, diff.id)
      await branchHas(server, projectId, { 'other.txt': 'moved on\n' })
      await endTests(fresh.id)
      const shown = await shownDiff(server, fresh.id)
      expect(shown).toMatchObject({ status: 'PROPOSED', drifted: true, approval: { satisfied: true } })
    })
  },
)
