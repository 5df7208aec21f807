import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'
import { inject } from 'vitest'
import { type RestoreOptions, restoreBackup } from '../../src/adapters/backup/restore-backup.ts'
import { type BackupSource, takeBackup } from '../../src/adapters/backup/take-backup.ts'
import { migrate, migrationNames } from '../../src/adapters/db/migrate.ts'
import { createGitStore } from '../../src/adapters/git/git-store.ts'
import type { GitStore } from '../../src/domain/ports/git-store.ts'
import { createTestDatabase } from '../support/database.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

/** A database and a data directory in which nobody has done anything. */
export interface Place extends AsyncDisposable {
  readonly databaseUrl: string
  readonly dataDir: string
  readonly client: pg.Client
}

const signal = new AbortController().signal
const quietly = { signal, progress: () => {} }
const noKeys = { secretKey: undefined, signingKey: undefined }

/** @param isMigrated otherwise the database has no tables */
export const newPlace = async (isMigrated = true): Promise<Place> => {
  await using stack = new AsyncDisposableStack()
  const { url: databaseUrl } = stack.use(await createTestDatabase())
  const { path: dataDir } = stack.use(await temporaryDirectory(inject('files')))
  const client = new pg.Client(databaseUrl)
  await client.connect()
  stack.defer(() => client.end())
  if (!isMigrated)
    await client.query('drop schema public cascade; drop schema if exists bullmq cascade; create schema public')
  const owned = stack.move()
  return { databaseUrl, dataDir, client, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

export const repositoriesOf = (dataDir: string): GitStore =>
  createGitStore({
    root: join(dataDir, 'repositories'),
    scratch: join(dataDir, 'scratch'),
    allowedProtocols: [],
    allowedHosts: [],
  })

/** A backup in a new directory below the place's. @returns the directory */
export const backedUp = async (
  { databaseUrl, dataDir }: Pick<Place, 'databaseUrl' | 'dataDir'>,
  source: Partial<BackupSource> = {},
  options: Partial<Parameters<typeof takeBackup>[1]> = {},
) => {
  const directory = options.directory ?? join(dataDir, `backup-${process.hrtime.bigint()}`)
  await mkdir(directory, { mode: 0o700 })
  await using git = repositoriesOf(dataDir)
  const manifest = await takeBackup(
    { databaseUrl, dataDir, git, givenKeys: noKeys, version: '0', knownMigrations: await migrationNames(), ...source },
    { withSecrets: true, ...quietly, ...options, directory },
  )
  return { directory, manifest }
}

type Target = Parameters<typeof restoreBackup>[0]

export const restored = (
  { directory, manifest }: Awaited<ReturnType<typeof backedUp>>,
  { databaseUrl, dataDir }: Pick<Place, 'databaseUrl' | 'dataDir'>,
  target: Partial<Target> = {},
  options: Partial<RestoreOptions> = {},
): Promise<readonly string[]> =>
  restoreBackup(
    {
      dataDir,
      givenKeys: noKeys,
      databaseUrl: async () => databaseUrl,
      git: () => repositoriesOf(dataDir),
      migrate,
      ...target,
    },
    { directory, manifest, ...quietly, ...options },
  )

/** For a place whose database has all migrations already, and for whoever wants to see no migration. */
export const migrated = async (): Promise<readonly string[]> => []

/** A project with a repository of one commit. */
export const addProject = async ({ client, dataDir }: Place, id: string): Promise<void> => {
  await using git = repositoriesOf(dataDir)
  const draft = git.newDraft()
  const author = { name: 'A', email: 'a@example.com', at: new Date(0) }
  await git.create(draft, { objectFormat: 'SHA1', branch: 'main' })
  const files = [{ path: 'a.txt', mode: '100644' as const, content: Buffer.from(`${id}\n`) }]
  const head = await git.importFiles(draft, files, { branch: 'main', message: 'Start', author })
  await git.publish(draft, id)
  await client.query(
    `with budget as (insert into budget (id, spent_cost_usd, spent_tokens, reserved_cost_usd, reserved_tokens)
       values (gen_random_uuid(), 0, 0, 0, 0) returning id),
     actor as (insert into actor (id, kind, name, created_at) values (gen_random_uuid(), 'HUMAN', 'A', now()) returning id)
     insert into project (id, name, status, target_branch, head_commit, object_format, source, policy, budget_id,
       created_by_id, created_at, environment, push_on_commit)
     select $1, 'a project', 'READY', 'main', $2, 'SHA1', '{}', '{}', budget.id, actor.id, now(), '{}', false
     from budget, actor`,
    [id, head],
  )
}
