import { createGraphQLClient } from '../graphql-client.ts'
import type { Output } from '../output.ts'
import { readCommitLog } from './commit-log.ts'
import { converse } from './conversation.ts'
import { askToCountersign, commit, countersign } from './countersign.ts'
import type { DemoContext } from './demo-context.ts'
import type { Diff } from './operations.ts'
import { interview, prepareProject, requireSandbox } from './prepare.ts'
import { createPresenter } from './presenter.ts'
import { readSampleTask, type SampleTask } from './sample-task.ts'
import type { DemoScenario } from './scenario.ts'
import { runSprint } from './sprint.ts'
import { type Watch, watchProject } from './watch.ts'

export interface DemoOptions {
  readonly server: {
    readonly url: string
    readonly adminToken: string
    readonly rehearsal: readonly string[]
    readonly notices: readonly string[]
  }
  /** Where the server keeps its repositories: the commit is shown from there. */
  readonly dataDir: string
  readonly searchPath: string
  readonly scenario: DemoScenario
  /** Countersigns without asking. */
  readonly yes: boolean
  readonly output: Output
  readonly signal: AbortSignal
}

/** From a task to a diff that a person can read; what came of it is shown. */
type Scenario = (context: DemoContext, watch: Watch, projectId: string, task: SampleTask) => Promise<Diff>

const scenarios: Readonly<Record<DemoScenario, Scenario>> = {
  async sprint(context, watch, projectId, task) {
    const specId = await interview(context, watch, projectId, task)
    const { sprintId, sprint, diff } = await runSprint(context, watch, specId, task)
    context.show({ type: 'result', projectId, sprintId, diffId: diff.id, sprint, diff })
    return diff
  },
  async session(context, watch, projectId, task) {
    const { sessionId, session, diff } = await converse(context, watch, projectId, task)
    context.show({ type: 'session-result', projectId, sessionId, diffId: diff.id, session, diff })
    return diff
  },
}

export type DemoOutcome = 'committed' | 'declined' | 'approval-required'

/**
 * The main job from task to commit, as any client of the API could do it.
 * @throws Error with the reason when a step fails; the signal's reason when it is aborted
 */
export const runDemo = async (options: DemoOptions): Promise<DemoOutcome> => {
  const { server, output, signal } = options
  const presenter = createPresenter(output)
  const client = createGraphQLClient({ url: server.url, token: server.adminToken, signal })
  const context: DemoContext = { client, show: presenter.show, signal }
  try {
    presenter.show({ type: 'server', url: server.url, rehearsal: server.rehearsal, notices: server.notices })
    await requireSandbox(context)
    const task = await readSampleTask()
    const project = await prepareProject(context, new Date())
    const watch = watchProject({
      client,
      projectId: project.id,
      after: project.eventCursor,
      signal,
      show: presenter.show,
    })
    try {
      const diff = await scenarios[options.scenario](context, watch, project.id, task)
      const pending = { diffId: diff.id, contentHash: diff.contentHash, evaluationHash: diff.safety.evaluationHash }
      if (!options.yes) {
        const agreed = output.canAsk && (await askToCountersign(diff, signal))
        if (!agreed) {
          presenter.show({ type: 'approval-required', projectId: project.id, ...pending })
          return output.canAsk ? 'declined' : 'approval-required'
        }
      }
      await countersign(context, diff, options.yes ? '--yes' : 'prompt')
      const oid = await commit(context, watch, diff.id)
      const { dataDir, searchPath } = options
      presenter.show({ type: 'log', text: await readCommitLog({ dataDir, projectId: project.id, oid, searchPath }) })
      presenter.show({ type: 'committed', oid, projectId: project.id, diffId: diff.id })
      return 'committed'
    } finally {
      await watch.close()
    }
  } finally {
    presenter.close()
  }
}
