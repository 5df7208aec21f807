import { type DemoContext, expectNode, isEvent } from './demo-context.ts'
import { createSprint, type Diff, readSprint, type Sprint, startSprint } from './operations.ts'
import type { SampleTask } from './sample-task.ts'
import { testedDiff } from './tested-diff.ts'
import type { Watch } from './watch.ts'

const deadlineSeconds = 300
// The server ends the sprint at its deadline; this only stops waiting for a server that does not.
const sprintMs = (deadlineSeconds + 30) * 1_000

const isOver = (status: string): boolean => ['COMPLETED', 'FAILED', 'CANCELED'].includes(status)

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
  context: DemoContext,
  watch: Watch,
  specId: string,
  task: SampleTask,
): Promise<SprintResult> => {
  const { client } = context
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
  return { sprintId, sprint, diff: await testedDiff(context, watch, sprint.diff.id) }
}
