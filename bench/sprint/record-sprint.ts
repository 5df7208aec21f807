import { cp, mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { repositoryOf } from '../../src/cli/demo/commit-log.ts'
import { defaultPoolSizes } from '../../src/cli/serve.ts'
import { readConfig } from '../../src/config.ts'
import { start } from '../../src/start.ts'
import { prepareSprint, type SprintOutcome, type Work } from './demo-sprint.ts'
import { createGitRecorder, type RecordedGit } from './record-git.ts'
import { type RecordedTest, recordTests } from './record-tests.ts'

/** A sprint as it was, with all that is needed to run its tests and git processes once more. */
export interface RecordedSprint {
  readonly outcome: SprintOutcome
  readonly tests: readonly RecordedTest[]
  readonly git: readonly RecordedGit[]
  /** The bare repository with all objects of the sprint, and a copy of the references as they were before it. */
  readonly repository: string
  readonly references: string
  readonly modelCalls: number
}

/** What of a bare repository says where references are. */
export const referencePlaces = ['refs', 'packed-refs', 'HEAD'] as const

/** Copies the references from one place to another, which has no others then. */
export const copyReferences = async (from: string, to: string): Promise<void> => {
  for (const name of referencePlaces) {
    await rm(join(to, name), { recursive: true, force: true })
    await cp(join(from, name), join(to, name), { recursive: true }).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error
    })
  }
}

const quietMs = 60_000

/** Runs a sprint on a server in this process, and writes down what it runs. @param directory an empty one */
export const recordSprint = async (databaseUrl: string, directory: string, work: Work): Promise<RecordedSprint> => {
  const places = { git: join(directory, 'git'), tests: join(directory, 'tests'), data: join(directory, 'data') }
  await mkdir(places.git)
  const recorder = await createGitRecorder(places.git)
  const config = readConfig({
    PATH: recorder.searchPath,
    PORT: '0',
    DATABASE_URL: databaseUrl,
    DATA_DIR: places.data,
    LOG_LEVEL: 'fatal',
    DRAIN_SECONDS: '0',
  })
  const running = await start(config, { api: true, pools: defaultPoolSizes, rehearsal: true, migrate: false })
  const { services, rehearsal } = running.context
  const references = join(directory, 'references')
  await mkdir(references)

  const recordOne = async () => {
    await using prepared = await prepareSprint({ url: running.url, token: running.adminToken }, work, 'recorded')
    // Those that are asked again and again are begun anew: the sprint has its own then.
    await services.git[Symbol.asyncDispose]()
    for (const until = performance.now() + quietMs; await recorder.isBusy(); await delay(20)) {
      if (performance.now() > until) throw new Error('A git process does not end although nobody asks it.')
    }
    const repository = repositoryOf(places.data, prepared.projectId)
    await copyReferences(repository, references)
    const callsBefore = rehearsal?.calls().length ?? 0
    const begunAt = Date.now()
    const tests = recordTests(services, places.tests)
    const outcome = await prepared.run()
    return { outcome, tests, repository, begunAt, modelCalls: (rehearsal?.calls().length ?? 0) - callsBefore }
  }
  let recorded: Awaited<ReturnType<typeof recordOne>>
  try {
    recorded = await recordOne()
  } finally {
    // Ends the git processes that wait for questions.
    await running.close()
  }
  const git = (await recorder.recorded()).filter(({ begunAt }) => begunAt >= recorded.begunAt)
  return { ...recorded, git, references }
}
