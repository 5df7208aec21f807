import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { committedTree } from '../../src/domain/environment/committed-tree.ts'
import { runTestsTool } from '../../src/domain/run/run-tests-tool.ts'
import { projectTestCases } from '../../src/domain/testing/open-test-run.ts'
import {
  builtEnvironment,
  committed,
  createHold,
  setEnvironment,
  shell,
  shownEnvironment,
} from '../factories/environments.ts'
import { changesLine, proposed, sqlOf } from '../factories/gate.ts'
import { addsFile, readyProject, rowId } from '../factories/pipeline.ts'
import { endedRun, endedTestRun, shownTestRun, testCase, testDiff } from '../factories/testing.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer({ rehearsal: false })
})
afterAll(() => server[Symbol.asyncDispose]())

// Another one each time it is built: equal stamps are of one build.
const stamps = shell('cat /proc/sys/kernel/random/uuid > stamp')
const stampOf = async (diffId: string): Promise<string> => {
  const { status, results } = await endedTestRun(server, diffId)
  expect(status).toBe('PASSED')
  return results[0]?.stdout ?? ''
}
const note = (text: string) => addsFile(`${text}.txt`, [text])

/** A project with a key file and a test that shows the stamp of the build. */
const stamped = async () => {
  const projectId = await readyProject(server)
  await committed(server, projectId, addsFile('lock.txt', ['one']))
  await testCase(server, projectId, { name: 'stamp', command: ['cat', 'stamp'] })
  await setEnvironment(server, projectId, { setupCommands: [stamps], keyFiles: ['lock.txt'] })
  return projectId
}

it('is built once for all bases with the same key files, and again when a key file of the base changes', async () => {
  const projectId = await stamped()
  const first = await stampOf((await proposed(server, projectId, { content: note('a') })).id)
  expect(first).toMatch(/^[0-9a-f-]{36}\n$/)
  await committed(server, projectId, note('b'))
  expect(await stampOf((await proposed(server, projectId, { content: note('c') })).id)).toBe(first)
  await committed(server, projectId, changesLine('lock.txt', 'one', 'two'))
  const second = await stampOf((await proposed(server, projectId, { content: note('d') })).id)
  expect(second).not.toBe(first)
  // The base of old is still known.
  await committed(server, projectId, changesLine('lock.txt', 'two', 'one'))
  expect(await stampOf((await proposed(server, projectId, { content: note('e') })).id)).toBe(first)
})

it('takes nothing from a diff: neither its key files nor what it lays where the layer has something', async () => {
  const projectId = await stamped()
  const first = await stampOf((await proposed(server, projectId, { content: note('a') })).id)
  const own = await proposed(server, projectId, { content: changesLine('lock.txt', 'one', 'mine') })
  expect(await stampOf(own.id)).toBe(first)
  // The project's files go before the layer's, for this diff alone.
  const forged = await proposed(server, projectId, { content: addsFile('stamp', ['forged']) })
  expect(await stampOf(forged.id)).toBe('forged\n')
  expect(await stampOf((await proposed(server, projectId, { content: note('b') })).id)).toBe(first)
  const builds = await sqlOf(server, 'select 1 from environment where project_id = $1', [rowId(projectId)])
  expect(builds).toHaveLength(1)
})

it('a test may write over what the layer has, in its own copy: no other test sees it', async () => {
  const projectId = await readyProject(server)
  const setupCommands = [shell('mkdir -p node_modules/thing && echo true > node_modules/thing/index.js')]
  const script = 'cat node_modules/thing/index.js && echo changed > node_modules/thing/index.js && rm -r node_modules'
  for (const name of ['a', 'b']) await testCase(server, projectId, { name, command: shell(script) })
  await setEnvironment(server, projectId, { setupCommands })
  const diff = await proposed(server, projectId, { content: note('a') })
  const again = async () => endedRun(server, (await testDiff(server, diff.id, { force: true })).id)
  for (const { status, results } of [await endedTestRun(server, diff.id), await again()]) {
    expect(status).toBe('PASSED')
    expect(results.map(({ stdout }) => stdout)).toEqual(['true\n', 'true\n'])
  }
})

it('results are those of their environment: another one, and the same test is run again', async () => {
  const projectId = await readyProject(server)
  await testCase(server, projectId, { command: shell('cat word || echo none') })
  const diff = await proposed(server, projectId, { content: note('a') })
  const run = async () => {
    const { cached, results } = await endedRun(server, (await testDiff(server, diff.id)).id)
    return [cached, results[0]?.stdout]
  }
  await endedTestRun(server, diff.id)
  expect(await run()).toEqual([true, 'none\n'])
  await setEnvironment(server, projectId, { setupCommands: [shell('echo one > word')] })
  expect(await run()).toEqual([false, 'one\n'])
  await setEnvironment(server, projectId, { setupCommands: [shell('echo two > word')] })
  expect(await run()).toEqual([false, 'two\n'])
  expect(await run()).toEqual([true, 'two\n'])
  await setEnvironment(server, projectId, { setupCommands: [] })
  expect(await run()).toEqual([true, 'none\n'])
})

it('test runs wait for a build without holding a place in the pool, and all go on when it ends', async () => {
  const projectId = await readyProject(server)
  await testCase(server, projectId, { command: ['cat', 'word'] })
  await using hold = await createHold()
  await setEnvironment(server, projectId, { setupCommands: [hold.command, shell('echo ready > word')] })
  await hold.arrived(1)
  // More than the pool has places.
  const diffs = await Promise.all(
    ['a', 'b', 'c', 'd', 'e'].map((name) => proposed(server, projectId, { content: note(name) })),
  )
  const runs = await Promise.all(diffs.map(({ id }) => testDiff(server, id)))
  expect(new Set(runs.map(({ id }) => id)).size).toBe(5)
  const waiting = async () =>
    (
      await sqlOf(
        server,
        "select 1 from test_run join environment on environment.id = environment_id where environment.project_id = $1 and test_run.status = 'QUEUED'",
        [rowId(projectId)],
      )
    ).length
  while ((await waiting()) < 5) await new Promise((resolve) => setTimeout(resolve, 20))
  // Another project is tested meanwhile.
  const other = await readyProject(server)
  await testCase(server, other, { command: ['true'] })
  expect((await endedTestRun(server, (await proposed(server, other, { content: note('x') })).id)).status).toBe('PASSED')
  for (const { id } of runs) expect((await shownTestRun(server, id)).status).toBe('QUEUED')
  hold.letGo()
  for (const { id } of runs) {
    expect(await endedRun(server, id)).toMatchObject({ status: 'PASSED', results: [{ stdout: 'ready\n' }] })
  }
})

it('without an environment that can be built, tests are ERRORED with words that say where to look', async () => {
  const projectId = await readyProject(server)
  await testCase(server, projectId, { command: ['true'] })
  await setEnvironment(server, projectId, { setupCommands: [shell('exit 7')] })
  const diff = await proposed(server, projectId, { content: note('a') })
  const { status, results } = await endedTestRun(server, diff.id)
  expect(status).toBe('ERRORED')
  expect(results[0]?.error).toMatch(/Command 1 of 1 .* exit status 7\. Its log is Project\.environment\.log/)
  // Nothing of that is known for later.
  await setEnvironment(server, projectId, { setupCommands: [['true']] })
  const run = await testDiff(server, diff.id)
  expect(await endedRun(server, run.id)).toMatchObject({ status: 'PASSED', cached: false })
})

it('a layer that is gone is built again when a run needs it', async () => {
  const projectId = await stamped()
  const diff = await proposed(server, projectId, { content: note('a') })
  const first = await stampOf(diff.id)
  const [row] = await sqlOf(server, 'select hash from environment where project_id = $1', [rowId(projectId)])
  const { sandbox, layerDirectory } = server.context.services
  await sandbox.removeLayer(layerDirectory(String(row?.hash)))
  const again = await endedRun(server, (await testDiff(server, diff.id, { force: true })).id)
  expect(again.status).toBe('PASSED')
  expect(again.results[0]?.stdout).not.toBe(first)
  expect(await readdir(join(server.config.dataDir, 'environments'))).not.toContainEqual(expect.stringMatching(/^part/))
})

it('a commit that is not on the branch decides nothing: the key files of the head count', async () => {
  const projectId = rowId(await stamped())
  const { git } = server.context.services
  const head = String(await git.branchHead(projectId, 'main'))
  const headTree = await git.treeOf(projectId, head)
  const change = { path: 'lock.txt', content: Buffer.from('anything\n') }
  const author = { name: 'A', email: 'a@localhost', at: new Date(0) }
  const stray = await git.writeCommit(projectId, {
    tree: await git.changeTree(projectId, headTree, [change]),
    parents: [head],
    message: 'Not committed',
    author,
    committer: author,
  })
  expect(await committedTree(server.context.services, projectId, stray)).toBe(headTree)
  expect(await committedTree(server.context.services, projectId, head)).toBe(headTree)
  expect(await committedTree(server.context.services, projectId, null)).toBe(headTree)
})

it("an agent's own test runs wait for the same build, and are told in words when there is none", async () => {
  const projectId = await readyProject(server)
  await committed(server, projectId, addsFile('lock.txt', ['one']))
  const { services } = server.context
  const id = rowId(projectId)
  await testCase(server, projectId, { name: 'word', command: ['cat', 'word'] })
  const head = await services.git.branchHead(id, 'main')
  const tree = await services.git.changeTree(id, await services.git.treeOf(id, String(head)), [
    { path: 'lock.txt', content: Buffer.from('from the agent\n') },
  ])
  const use = async () =>
    runTestsTool(await projectTestCases(services, id), head).run(
      services,
      { projectId: id, tree },
      { names: null },
      new AbortController().signal,
    )
  await setEnvironment(server, projectId, { setupCommands: [shell('cat lock.txt > word')], keyFiles: ['lock.txt'] })
  expect(await use()).toMatchObject({ isError: false, text: 'PASSED word' })
  await setEnvironment(server, projectId, { setupCommands: [['false']] })
  expect(await use()).toMatchObject({ isError: true, text: expect.stringContaining('exit status 1') })
  await setEnvironment(server, projectId, { setupCommands: [] })
  await builtEnvironment(server, projectId)
  expect((await shownEnvironment(server, projectId)).status).toBe('SUCCEEDED')
  expect(await use()).toMatchObject({ isError: false, text: expect.stringContaining('FAILED word') })
})
