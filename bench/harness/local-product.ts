import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { readConfig } from '../../src/config.ts'
import { authenticate } from '../../src/domain/actor/authenticate.ts'
import type { Viewer } from '../../src/domain/actor/viewer.ts'
import type { ObjectFormat } from '../../src/domain/ports/git-store.ts'
import { createProject } from '../../src/domain/project/create-project.ts'
import { rows } from '../../src/domain/shared/database.ts'
import type { Services } from '../../src/domain/shared/services.ts'
import { type Running, start } from '../../src/start.ts'
import type { BenchContext } from './benchmark.ts'
import { author } from './repositories.ts'

/** This product in the benchmark's own process, for what is called below the API. */
export interface LocalProduct extends AsyncDisposable {
  readonly running: Running
  readonly services: Services
  /** The administrator. */
  readonly viewer: Viewer
}

/** Without an API and with the pool alone that makes projects, on a new database. */
export const startLocalProduct = async (
  context: Pick<BenchContext, 'database' | 'directory'>,
  env: Readonly<Record<string, string>> = {},
): Promise<LocalProduct> => {
  const dataDir = join(context.directory, 'data')
  await mkdir(dataDir, { recursive: true })
  const config = readConfig({
    PATH: process.env.PATH,
    PORT: '0',
    DATABASE_URL: await context.database(),
    DATA_DIR: dataDir,
    LOG_LEVEL: 'fatal',
    DRAIN_SECONDS: '0',
    ...env,
  })
  const running = await start(config, { api: false, pools: { maintenance: 1 }, rehearsal: true, migrate: false })
  const { services } = running.context
  const viewer = await authenticate(services, running.adminToken)
  if (!viewer) {
    await running.close()
    throw new Error('The administrator is not known.')
  }
  return { running, services, viewer, [Symbol.asyncDispose]: () => running.close() }
}

type Files = Parameters<Services['git']['importFiles']>[1]

/** A project that is ready, with these files on its branch. @returns its id and that branch's commit */
export const makeProject = async (
  { services, viewer }: LocalProduct,
  name: string,
  files: Files,
  objectFormat: ObjectFormat = 'SHA1',
): Promise<{ readonly projectId: string; readonly head: string }> => {
  const { git } = services
  const projectId = await createProject(services, viewer, { name, source: { empty: true } })
  await isReady(services, projectId)
  const draft = git.newDraft()
  await git.create(draft, { objectFormat, branch: 'main' })
  const head = await git.importFiles(draft, files, { branch: 'main', message: 'Begin', author })
  await rm(git.directory(projectId), { recursive: true })
  await git.publish(draft, projectId)
  return { projectId, head }
}

const isReady = async (services: Services, projectId: string): Promise<void> => {
  for (;;) {
    const project = await rows(services.em())
      .selectFrom('Project')
      .select('status')
      .where('id', '=', projectId)
      .executeTakeFirst()
    if (project?.status === 'READY') return
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
