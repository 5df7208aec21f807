import { createSprint, type Diff, readDiff, readSprint, type Sprint, startSprint } from './operations.ts'
import type { SampleTask } from './sample-task.ts'
import { type DemoSession, expectNode, isEvent } from './session.ts'
import type { Watch } from './watch.ts'

const deadlineSeconds = 300
// The server ends the sprint at its deadline; this only stops waiting for a server that does not.
const sprintMs = (deadlineSeconds + 30) * 1_000
const diffTestsMs = 120_000

const isOver = (status: string): boolean => ['COMPLETED', 'FAILED', 'CANCELED'].includes(status)
const isUnderWay = (status: string | undefined): boolean => status === 'QUEUED' || status === 'RUNNING'

export interface SprintResult {
  readonly sprintId: string
  readonly sprint: Sprint
  readonly diff: Diff
}

/**
 * Runs the sprint to its diff, and that diff's tests to their end.
 * @throws Error with the sprint's own reason when it fails
 */
export const runSprint = async (
  session: DemoSession,
  watch: Watch,
  specId: string,
  task: SampleTask,
): Promise<SprintResult> => {
  const { client } = session
  const { id: sprintId } = await client.mutate(createSprint, {
    input: { specId, name: task.title, goal: task.task, deadlineSeconds },
  })
  await client.mutate(startSprint, { id: sprintId })
  await watch.until(
    'The end of the sprint',
    sprintMs,
    isEvent('sprint', (event) => event.sprintId === sprintId && isOver(event.status)),
  )
  const sprint = expectNode(await client.query(readSprint, { id: sprintId }), 'The sprint')
  if (sprint.status !== 'COMPLETED' || sprint.diff === null) {
    throw new Error(`The sprint is ${sprint.status}: ${sprint.failure ?? 'no reason was given'}`)
  }
  return { sprintId, sprint, diff: await testedDiff(session, watch, sprint.diff.id) }
}

/** The diff once its tests have ended. */
const testedDiff = async ({ client }: DemoSession, watch: Watch, diffId: string): Promise<Diff> => {
  const read = async () => expectNode(await client.query(readDiff, { id: diffId }), 'The diff')
  const diff = await read()
  const run = diff.latestTestRun
  if (run === null || !isUnderWay(run.status)) return diff
  await watch.until(
    "The end of the diff's tests",
    diffTestsMs,
    isEvent('tests', (event) => event.testRunId === run.id && !isUnderWay(event.status)),
  )
  return read()
}
