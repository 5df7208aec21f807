import { setTimeout as delay } from 'node:timers/promises'
import { type DemoContext, expectNode, isEvent } from './demo-context.ts'
import { answerInterview, createProject, createSpec, readHealth, readInterview, readProject } from './operations.ts'
import { answerTo, type SampleTask, sampleTemplate } from './sample-task.ts'
import type { Watch } from './watch.ts'

const projectMs = 60_000
const interviewMs = 180_000
const pollMs = 100

export interface ReadyProject {
  readonly id: string
  readonly targetBranch: string
  /** From here on nothing of it is missed. */
  readonly eventCursor: string
}

/** The demo's sprint cannot succeed where tests cannot be run. @throws Error that says what to do */
export const requireSandbox = async ({ client }: DemoContext): Promise<void> => {
  const { health } = await client.query(readHealth, {})
  const sandbox = health.components.find(({ name }) => name === 'sandbox')
  if (sandbox?.status !== 'ok')
    throw new Error(`There is no sandbox to run the sample's tests in. ${sandbox?.detail ?? ''}`)
}

/**
 * Makes a project from the sample and waits until its repository is there.
 * @throws Error with the server's reason when it cannot be made
 */
export const prepareProject = async ({ client, show, signal }: DemoContext, at: Date): Promise<ReadyProject> => {
  const name = `calculator demo, ${at.toISOString().slice(0, 19).replace('T', ' ')}`
  const { id } = await client.mutate(createProject, { input: { name, source: { template: sampleTemplate } } })
  show({ type: 'project', projectId: id, name, status: 'CREATING' })
  // A project has no event of its own for this.
  for (
    const until = performance.now() + projectMs;
    performance.now() < until;
    await delay(pollMs, undefined, { signal })
  ) {
    const project = expectNode(await client.query(readProject, { id }), 'The project')
    if (project.status === 'CREATING') continue
    show({ type: 'project', projectId: id, name, status: project.status })
    if (project.status === 'READY') return project
    throw new Error(`The project could not be made: ${project.failure ?? project.status}`)
  }
  throw new Error(`The project's repository was not made within ${projectMs / 1_000} s.`)
}

/** Creates the spec, lets the providers ask, and answers. */
export const interview = async (
  context: DemoContext,
  watch: Watch,
  projectId: string,
  task: SampleTask,
): Promise<string> => {
  const { client, show } = context
  const { id: specId } = await client.mutate(createSpec, { input: { projectId, title: task.title, task: task.task } })
  const settled = await watch.until(
    'The end of the interview',
    interviewMs,
    isEvent('interview', (event) => event.specId === specId && !['QUEUED', 'RUNNING'].includes(event.status)),
  )
  const { interview: held } = expectNode(await client.query(readInterview, { id: specId }), 'The spec')
  show({ type: 'questions', specId, interview: held })
  if (settled.status === 'FAILED') throw new Error(`The interview failed: ${held.failure ?? 'no reason was given'}`)
  if (settled.status !== 'NEEDS_ANSWERS' || held.questions.length === 0) return specId
  const answers = held.questions.map(({ key }) => ({ key, answer: answerTo(task, key) }))
  await client.mutate(answerInterview, { specId, answers })
  show({ type: 'answers', specId, answers })
  return specId
}
