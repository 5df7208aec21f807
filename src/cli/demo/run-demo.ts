import { createGraphQLClient } from '../graphql-client.ts'
import type { Output } from '../output.ts'
import { readCommitLog } from './commit-log.ts'
import { askToCountersign, commit, countersign } from './countersign.ts'
import { interview, prepareProject, requireSandbox } from './prepare.ts'
import { createPresenter } from './presenter.ts'
import { readSampleTask } from './sample-task.ts'
import type { DemoSession } from './session.ts'
import { runSprint } from './sprint.ts'
import { watchProject } from './watch.ts'

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
  /** Countersigns without asking. */
  readonly yes: boolean
  readonly output: Output
  readonly signal: AbortSignal
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
  const session: DemoSession = { client, show: presenter.show, signal }
  try {
    presenter.show({ type: 'server', url: server.url, rehearsal: server.rehearsal, notices: server.notices })
    await requireSandbox(session)
    const task = await readSampleTask()
    const project = await prepareProject(session, new Date())
    const watch = watchProject({
      client,
      projectId: project.id,
      after: project.eventCursor,
      signal,
      show: presenter.show,
    })
    try {
      const specId = await interview(session, watch, project.id, task)
      const { sprintId, sprint, diff } = await runSprint(session, watch, specId, task)
      presenter.show({ type: 'result', projectId: project.id, sprintId, diffId: diff.id, sprint, diff })
      const pending = { diffId: diff.id, contentHash: diff.contentHash, evaluationHash: diff.safety.evaluationHash }
      if (!options.yes) {
        const agreed = output.canAsk && (await askToCountersign(diff, signal))
        if (!agreed) {
          presenter.show({ type: 'approval-required', projectId: project.id, ...pending })
          return output.canAsk ? 'declined' : 'approval-required'
        }
      }
      await countersign(session, diff, options.yes ? '--yes' : 'prompt')
      const oid = await commit(session, watch, diff.id)
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
