import { setTimeout as delay } from 'node:timers/promises'
import type { DemoContext } from '../../src/cli/demo/demo-context.ts'
import { createProject, readProject } from '../../src/cli/demo/operations.ts'
import { interview } from '../../src/cli/demo/prepare.ts'
import { readSampleTask, type SampleTask, sampleTemplate } from '../../src/cli/demo/sample-task.ts'
import { runSprint } from '../../src/cli/demo/sprint.ts'
import { watchProject } from '../../src/cli/demo/watch.ts'
import { createGraphQLClient } from '../../src/cli/graphql-client.ts'

/** A task that the rehearsal plays, and the project that it is about. */
export interface Work {
  readonly source: { readonly template: string } | { readonly empty: true }
  readonly task: SampleTask
}

/** What the demo does: two attempts at a package with three files of tests. */
export const demoWork = async (): Promise<Work> => ({
  source: { template: sampleTemplate },
  task: await readSampleTask(),
})

/** A new file with its test in an empty project, at the first attempt. */
export const helloWork: Work = {
  source: { empty: true },
  task: { title: 'Say hello', task: "Create a Python script that prints 'hello world' to stdout.", answers: {} },
}

/** What came of a sprint, and what everybody's machine gives alike. */
export interface SprintOutcome {
  readonly status: string
  readonly patch: string
  readonly tests: string | undefined
}

/** A project with a spec whose interview is answered: all but the sprint. */
export interface Prepared extends AsyncDisposable {
  readonly projectId: string
  /** From the creation of the sprint to the end of the tests of its diff, as the demo waits for it. */
  run(): Promise<SprintOutcome>
}

interface Server {
  readonly url: string
  readonly token: string
}

const readyProject = async ({ client, signal }: DemoContext, input: object) => {
  const { id } = await client.mutate(createProject, { input })
  for (;;) {
    const { node } = await client.query(readProject, { id })
    if (node?.status === 'READY') return node
    if (node?.status !== 'CREATING') throw new Error(`The project could not be made: ${node?.failure}`)
    await delay(20, undefined, { signal })
  }
}

/** @param name of the project */
export const prepareSprint = async ({ url, token }: Server, work: Work, name: string): Promise<Prepared> => {
  const { signal } = new AbortController()
  const client = createGraphQLClient({ url, token, signal })
  const context: DemoContext = { client, signal, show: () => {} }
  const project = await readyProject(context, { name, source: work.source })
  const watch = watchProject({ ...context, projectId: project.id, after: project.eventCursor })
  const specId = await interview(context, watch, project.id, work.task)
  return {
    projectId: project.id,
    async run() {
      const { sprint, diff } = await runSprint(context, watch, specId, work.task)
      return { status: sprint.status, patch: diff.content, tests: diff.latestTestRun?.status }
    },
    [Symbol.asyncDispose]: () => watch.close(),
  }
}
