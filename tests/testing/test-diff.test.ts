import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { commit, diffState, proposed, review, setPolicy, sqlOf } from '../factories/gate.ts'
import { actorWithToken, addsFile, readyProject, rowId } from '../factories/pipeline.ts'
import {
  cancelTestRun,
  endedRun,
  endedTestRun,
  latestTestRun,
  shownTestRun,
  testCase,
  testDiff,
} from '../factories/testing.ts'
import { processesMarked, reasonToSkip } from '../sandbox/sandbox-fixture.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

const skipReason = await reasonToSkip()

let server: TestServer
beforeAll(async () => {
  server = await startTestServer({ rehearsal: false })
})
afterAll(() => server[Symbol.asyncDispose]())

const note = addsFile('note.txt', ['A note.'])
const shell = (script: string) => ['sh', '-c', script]
// What it prints differs from one run to the next: the same output was not made again.
const unique = shell('cat /proc/sys/kernel/random/uuid')

/** A project with a diff that was proposed before there were tests. */
const untested = async () => {
  const projectId = await readyProject(server)
  return { projectId, diff: await proposed(server, projectId, { content: note }) }
}

/** Sleeps for a time that no other process on the machine sleeps for. */
const sleeper = () => {
  const seconds = `600.${Number.parseInt(randomBytes(3).toString('hex'), 16)}`
  return { command: ['sleep', seconds], seconds }
}

const isSleep = (pid: string) => {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim() === 'sleep'
  } catch {
    // It ended between the listing and the look.
    return false
  }
}

/** Waits until so many sleep: a sandbox and its sleeper are several processes each. */
const begun = async (seconds: string, sleepers = 1) => {
  while (processesMarked(seconds).filter(isSleep).length < sleepers)
    await new Promise((resolve) => setTimeout(resolve, 10))
}

const kill = (pid: string) => {
  try {
    process.kill(Number(pid), 'SIGKILL')
  } catch (error) {
    // It went with the one before.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

const ended = async (seconds: string) => {
  while (processesMarked(seconds).length > 0) await new Promise((resolve) => setTimeout(resolve, 10))
}

describe.skipIf(skipReason !== null)(`testDiff${skipReason ? ` (skipped: ${skipReason})` : ''}`, () => {
  it('runs all quick tests, or those that are named, and each end is an event', async () => {
    const { projectId, diff } = await untested()
    await testCase(server, projectId, { name: 'quick', command: unique })
    const slow = await testCase(server, projectId, { name: 'slow', command: shell('exit 3'), quick: false })
    const first = await testDiff(server, diff.id)
    expect(first).toMatchObject({
      __typename: 'TestRun',
      status: expect.stringMatching(/^(QUEUED|RUNNING|PASSED)$/),
      cached: false,
      total: 1,
    })
    expect(await endedRun(server, first.id)).toMatchObject({
      status: 'PASSED',
      results: [{ name: 'quick', status: 'PASSED' }],
    })
    const named = await testDiff(server, diff.id, { testCaseIds: [slow.id, slow.id] })
    expect(await endedRun(server, named.id)).toMatchObject({
      status: 'FAILED',
      total: 1,
      results: [{ name: 'slow', exitCode: 3 }],
    })
    const events = await sqlOf(server, "select body from event where body ->> 'testRunId' = $1 order by id", [
      rowId(first.id),
    ])
    expect(events.map(({ body }) => body)).toMatchObject([
      { status: 'QUEUED', finished: 0 },
      { status: 'RUNNING', finished: 0 },
      { status: 'RUNNING', finished: 1 },
      { status: 'PASSED', finished: 1 },
    ])
  })

  it('is followed on the diff and on the project: each sees a test end while others run', async () => {
    const { projectId, diff } = await untested()
    const { command, seconds } = sleeper()
    await testCase(server, projectId, { name: 'passes', command: ['true'] })
    await testCase(server, projectId, { name: 'waits', command, timeoutMs: 60_000 })
    const { eventCursor } = await server.query('{ eventCursor }')
    const fields = '__typename ... on TestRunChanged { status finished total testRun { id diff { id } } }'
    const [onDiff, onProject] = [
      server.subscribe(
        `subscription ($id: ID!, $after: String) { event: diffEvents(diffId: $id, after: $after) { ${fields} } }`,
        {
          id: diff.id,
          after: eventCursor,
        },
      ),
      server.subscribe(
        `subscription ($id: ID!, $after: String) { event: projectEvents(projectId: $id, after: $after) { ${fields} } }`,
        {
          id: projectId,
          after: eventCursor,
        },
      ),
    ]
    const run = await testDiff(server, diff.id)
    const until = async (events: typeof onDiff, status: string, finished: number) => {
      const seen: string[] = []
      for (;;) {
        const { event } = (await events.next()).value.data
        if (event.__typename !== 'TestRunChanged') continue
        expect(event.testRun).toEqual({ id: run.id, diff: { id: diff.id } })
        seen.push(`${event.status} ${event.finished}/${event.total}`)
        if (event.status === status && event.finished === finished) return seen
      }
    }
    for (const events of [onDiff, onProject])
      expect(await until(events, 'RUNNING', 1)).toEqual(['QUEUED 0/2', 'RUNNING 0/2', 'RUNNING 1/2'])
    await begun(seconds)
    for (const pid of processesMarked(seconds)) kill(pid)
    for (const events of [onDiff, onProject]) {
      expect(await until(events, 'FAILED', 2)).toEqual(['RUNNING 2/2', 'FAILED 2/2'])
      await events.return?.()
    }
  })

  it('tests a diff that was committed, too', async () => {
    const { projectId, diff } = await untested()
    await review(server, diff)
    expect(await commit(server, diff.id)).toMatchObject({ status: 'COMMITTED' })
    await testCase(server, projectId, { command: shell('cat note.txt') })
    const run = await testDiff(server, diff.id)
    expect(await endedRun(server, run.id)).toMatchObject({ status: 'PASSED', results: [{ stdout: 'A note.\n' }] })
    expect((await diffState(server, diff.id)).status).toBe('COMMITTED')
  })

  it('says in words what is missing or may not be', async () => {
    const { projectId, diff } = await untested()
    expect(await testDiff(server, diff.id)).toMatchObject({
      __typename: 'ValidationError',
      message: expect.stringContaining('no tests'),
    })
    const slow = await testCase(server, projectId, { command: ['true'], quick: false })
    expect((await testDiff(server, diff.id)).message).toContain('no quick test')
    expect((await testDiff(server, diff.id, { testCaseIds: [] })).message).toContain('names no test')
    const elsewhere = await testCase(server, await readyProject(server), { command: ['true'] })
    for (const id of [elsewhere.id, diff.id.replace(/.$/, '')]) {
      const answer = await server.request(
        'mutation ($diff: ID!, $id: ID!) { testDiff(diffId: $diff, testCaseIds: [$id]) { __typename } }',
        { diff: diff.id, id },
      )
      expect(answer.data.testDiff.__typename).toBe('NotFoundError')
    }
    await server.query('mutation ($id: ID!) { deleteTestCase(id: $id) { __typename } }', { id: slow.id })
    expect((await testDiff(server, diff.id, { testCaseIds: [slow.id] })).__typename).toBe('NotFoundError')
    const viewer = await actorWithToken(server, { role: 'VIEWER' })
    expect((await testDiff(server, diff.id, { token: viewer.token })).__typename).toBe('ForbiddenError')
    const stranger = await actorWithToken(server, {})
    expect((await testDiff(server, diff.id, { token: stranger.token })).__typename).toBe('NotFoundError')
  })

  it('uses what is known of the same content and test, and says so; force finds it out again', async () => {
    const { projectId, diff } = await untested()
    const test = await testCase(server, projectId, { command: unique })
    const run = async (options = {}) => endedRun(server, (await testDiff(server, diff.id, options)).id)
    const first = await run()
    const second = await run()
    expect(second).toMatchObject({ status: 'PASSED', cached: true, passed: 1, results: first.results })
    expect(second.id).not.toBe(first.id)
    const forced = await run({ force: true })
    expect(forced.cached).toBe(false)
    expect(forced.results[0]?.stdout).not.toBe(first.results[0]?.stdout)
    // The newest that was found out, not the first.
    expect((await run()).results[0]?.stdout).toBe(forced.results[0]?.stdout)
    // Another diff with the same result is tested with the tests it gets when it is proposed.
    const twin = await proposed(server, projectId, { content: note })
    expect(await endedTestRun(server, twin.id)).toMatchObject({ cached: true, results: forced.results })
    for (const change of ['files: [{ path: "x", text: "" }]', 'timeoutMs: 4000', 'command: ["true"]']) {
      await server.query(`mutation ($id: ID!) { updateTestCase(input: { id: $id, ${change} }) { __typename } }`, {
        id: test.id,
      })
      expect((await run()).cached).toBe(false)
      expect((await run()).cached).toBe(true)
    }
    const other = await proposed(server, projectId, { content: addsFile('note.txt', ['Another.']) })
    expect((await endedTestRun(server, other.id)).cached).toBe(false)
  })

  it('is cached only when every result was known, and never repeats what came late or was killed', async () => {
    const { projectId, diff } = await untested()
    await testCase(server, projectId, { name: 'known', command: unique })
    const run = async () => endedRun(server, (await testDiff(server, diff.id)).id)
    const first = await run()
    await testCase(server, projectId, { name: 'late', command: shell('sleep 60'), timeoutMs: 100 })
    await testCase(server, projectId, { name: 'killed', command: shell('kill -KILL $$') })
    const partly = await run()
    expect(partly).toMatchObject({ status: 'FAILED', cached: false, passed: 1, failed: 2 })
    expect(partly.results[0]).toEqual(first.results[0])
    expect(await run()).toMatchObject({ cached: false, passed: 1, failed: 2 })
    const known = await sqlOf(
      server,
      `select name, count(*)::int from test_result join test_run on test_run.id = test_run_id
       where project_id = $1 and cached_from_id is null group by name order by name`,
      [rowId(projectId)],
    )
    expect(known).toEqual([
      { name: 'killed', count: 2 },
      { name: 'known', count: 1 },
      { name: 'late', count: 2 },
    ])
  })

  it('asked twice at once, answers with one test run; forced, or for other tests, with another', async () => {
    const { projectId, diff } = await untested()
    const { command, seconds } = sleeper()
    const test = await testCase(server, projectId, { command, timeoutMs: 60_000 })
    const [first, second] = await Promise.all([testDiff(server, diff.id), testDiff(server, diff.id)])
    expect(second.id).toBe(first.id)
    await begun(seconds)
    expect(await testDiff(server, diff.id, { testCaseIds: [test.id] })).toMatchObject({
      id: first.id,
      status: 'RUNNING',
    })
    const forced = await testDiff(server, diff.id, { force: true })
    expect(forced.id).not.toBe(first.id)
    await testCase(server, projectId, { name: 'one more', command: ['true'] })
    const more = await testDiff(server, diff.id)
    expect([first.id, forced.id]).not.toContain(more.id)
    for (const { id } of [first, forced, more])
      expect(await cancelTestRun(server, id)).toMatchObject({ status: 'CANCELED' })
    await ended(seconds)
  })

  it('runs what the test was when it was asked for', async () => {
    const { projectId, diff } = await untested()
    const { command, seconds } = sleeper()
    const files = [{ path: 'x', text: 'before' }]
    const first = await testCase(server, projectId, { name: 'blocks', command: [...command], timeoutMs: 60_000 })
    for (const name of ['b', 'c', 'd']) await testCase(server, projectId, { name, command, timeoutMs: 60_000 })
    const last = await testCase(server, projectId, { name: 'last', command: ['cat', 'x'], files })
    const run = await testDiff(server, diff.id)
    await begun(seconds, 4)
    await server.query(
      'mutation ($id: ID!) { updateTestCase(input: { id: $id, files: [{ path: "x", text: "after" }] }) { __typename } }',
      { id: last.id },
    )
    const other = await testDiff(server, diff.id)
    expect(other.id).not.toBe(run.id)
    await cancelTestRun(server, other.id)
    for (const pid of processesMarked(seconds)) kill(pid)
    const { results } = await endedRun(server, run.id)
    expect(results[0]).toMatchObject({ testCase: { id: first.id } })
    expect(results[4]).toMatchObject({ name: 'last', stdout: 'before' })
  })
})

describe.skipIf(skipReason !== null)('cancelTestRun', () => {
  it('kills what runs, keeps what has ended, and skips the rest', async () => {
    const { projectId, diff } = await untested()
    const { command, seconds } = sleeper()
    await testCase(server, projectId, { name: 'ended', command: ['true'] })
    await testCase(server, projectId, { name: 'runs', command, timeoutMs: 60_000 })
    const run = await testDiff(server, diff.id)
    await begun(seconds)
    await server.event('TestRunChanged', (body) => body.testRunId === rowId(run.id) && body.finished === 1)
    const canceled = await cancelTestRun(server, run.id)
    expect(canceled).toMatchObject({
      status: 'CANCELED',
      cached: false,
      passed: 1,
      failed: 0,
      results: [
        { name: 'ended', status: 'PASSED' },
        { name: 'runs', status: 'SKIPPED', error: expect.stringContaining('canceled') },
      ],
    })
    await ended(seconds)
    expect(await shownTestRun(server, run.id)).toMatchObject({ status: 'CANCELED', results: canceled.results })
    expect(await cancelTestRun(server, run.id)).toMatchObject({
      __typename: 'InvalidTransitionError',
      from: 'CANCELED',
    })
    // What was skipped is not known.
    expect(await testDiff(server, diff.id)).toMatchObject({ status: expect.stringMatching(/^(QUEUED|RUNNING)$/) })
    const again = await latestTestRun(server, diff.id)
    await begun(seconds)
    expect(again.id).not.toBe(run.id)
    await cancelTestRun(server, again.id)
    await ended(seconds)
  })

  it('is for those who may propose, and for what they can see', async () => {
    const { projectId, diff } = await untested()
    await testCase(server, projectId, { command: ['true'] })
    const run = await testDiff(server, diff.id)
    const viewer = await actorWithToken(server, { role: 'VIEWER' })
    expect((await cancelTestRun(server, run.id, viewer.token)).__typename).toBe('ForbiddenError')
    const stranger = await actorWithToken(server, {})
    expect((await cancelTestRun(server, run.id, stranger.token)).__typename).toBe('NotFoundError')
  })
})

describe.skipIf(skipReason !== null)('a policy that asks for passing tests', () => {
  it('looks at the newest result of every test, whichever run it was in', async () => {
    const projectId = await readyProject(server, { policy: { requirePassingTests: true } })
    const passes = await testCase(server, projectId, { name: 'passes', command: ['true'] })
    const fails = await testCase(server, projectId, { name: 'fails', command: ['false'] })
    const diff = await proposed(server, projectId, { content: note })
    await endedTestRun(server, diff.id)
    expect(await review(server, diff)).toMatchObject({ status: 'HUMAN_REVIEWING' })
    // To run only the test that passes proves nothing about the other one.
    await endedRun(server, (await testDiff(server, diff.id, { testCaseIds: [passes.id] })).id)
    expect((await commit(server, diff.id)).missing).toEqual(['a passing test run (the latest is FAILED)'])
    await server.query('mutation ($id: ID!) { deleteTestCase(id: $id) { __typename } }', { id: fails.id })
    expect((await diffState(server, diff.id)).approval.satisfied).toBe(true)
  })

  it('is not met by canceling a quick test before it can fail, and running only the others', async () => {
    const projectId = await readyProject(server, { policy: { requirePassingTests: true } })
    const passes = await testCase(server, projectId, { name: 'passes', command: ['true'] })
    const { command, seconds } = sleeper()
    const slow = await testCase(server, projectId, { name: 'slow', command, timeoutMs: 60_000 })
    const diff = await proposed(server, projectId, { content: note })
    await begun(seconds)
    await cancelTestRun(server, (await latestTestRun(server, diff.id)).id)
    await ended(seconds)
    await endedRun(server, (await testDiff(server, diff.id, { testCaseIds: [passes.id] })).id)
    expect(await review(server, diff)).toMatchObject({ status: 'HUMAN_REVIEWING' })
    expect((await commit(server, diff.id)).missing).toEqual(['a passing test run (the latest is CANCELED)'])
    const update = 'mutation ($id: ID!) { updateTestCase(input: { id: $id, command: ["true"] }) { __typename } }'
    await server.query(update, { id: slow.id })
    await endedRun(server, (await testDiff(server, diff.id, { testCaseIds: [slow.id] })).id)
    expect((await diffState(server, diff.id)).status).toBe('APPROVED')
  })

  it('takes an approval back when a test is run again and fails, and leaves it when that is canceled', async () => {
    const projectId = await readyProject(server, { policy: { requirePassingTests: true } })
    await testCase(server, projectId, { command: ['true'] })
    const diff = await proposed(server, projectId, { content: note })
    await endedTestRun(server, diff.id)
    expect(await review(server, diff)).toMatchObject({ status: 'APPROVED' })
    const { command, seconds } = sleeper()
    const slow = await testCase(server, projectId, { name: 'slow', command, quick: false, timeoutMs: 60_000 })
    const run = await testDiff(server, diff.id, { testCaseIds: [slow.id] })
    expect((await diffState(server, diff.id)).status).toBe('HUMAN_REVIEWING')
    await begun(seconds)
    await cancelTestRun(server, run.id)
    expect((await diffState(server, diff.id)).status).toBe('APPROVED')
    await ended(seconds)
    const failing = await testCase(server, projectId, { name: 'fails', command: ['false'], quick: false })
    await endedRun(server, (await testDiff(server, diff.id, { testCaseIds: [failing.id] })).id)
    expect(await diffState(server, diff.id)).toMatchObject({ status: 'HUMAN_REVIEWING' })
    expect((await commit(server, diff.id)).missing).toEqual(['a passing test run (the latest is FAILED)'])
    await setPolicy(server, projectId, { requirePassingTests: false })
    expect(await review(server, diff)).toMatchObject({ status: 'APPROVED' })
  })
})
