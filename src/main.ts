#!/usr/bin/env node
import { Console } from 'node:console'
import { hostname } from 'node:os'
import { CommanderError } from 'commander'
import { describeFault, type ExitCode, exitCodes, InterruptedError, UsageError } from './cli/exit.ts'
import { runToEnd } from './cli/lifecycle.ts'
import { createOutput, type Output } from './cli/output.ts'
import { type Commands, type CommonOptions, createProgram } from './cli/program.ts'
import { visibleBlock } from './cli/render/visible-text.ts'
import { type Config, readConfig } from './config.ts'
import { keepCompiled } from './keep-compiled.ts'
import { version } from './version.ts'

interface Running {
  readonly config: Config
  readonly output: Output
  readonly signal: AbortSignal
}

type Environment = Readonly<Record<string, string | undefined>>

const { env, stdout, stderr, stdin } = process

// What a library prints must not come between the lines of a command's own.
globalThis.console = new Console({ stdout: stderr, stderr })

const isSet = (name: string): boolean => (env[name] ?? '') !== ''
const isDebugged = (level: string | undefined): boolean => level === 'debug' || level === 'trace'

// After the deadline of the drain, for what is broken off then: a test's processes get two seconds before they are killed.
const breakOffMs = 5_000

/** Variables that a command would rather have otherwise, where nobody has set them. */
const preferring = (preferred: Environment): Environment => ({
  ...env,
  ...Object.fromEntries(Object.entries(preferred).filter(([name]) => !isSet(name))),
})

/** The exit code for an error, which is told in one message. */
const report = (error: unknown, output: Output): ExitCode => {
  if (error instanceof InterruptedError) {
    output.warn(error.message)
    output.json({ type: 'interrupted' })
    return exitCodes.interrupted
  }
  const text = visibleBlock(describeFault(error, { stack: isDebugged(env.LOG_LEVEL) }))
  output.warn(text)
  output.json({ type: 'failed', message: describeFault(error, { stack: false }) })
  return error instanceof UsageError ? exitCodes.usage : exitCodes.failed
}

const run = (
  { json, quiet }: CommonOptions,
  command: (running: Running) => Promise<ExitCode>,
  options: { readonly preferred?: Environment; readonly isLive?: boolean } = {},
): Promise<void> => {
  // Log lines on the same terminal would break what is redrawn in place.
  const canRedraw = options.isLive === true && !(stderr.isTTY && isSet('LOG_LEVEL'))
  const output = createOutput({ json, quiet, stdout, stderr, stdin, canRedraw })
  let drainMs = 0
  return runToEnd(
    async (signal) => {
      try {
        const config = readConfig(preferring(options.preferred ?? {}))
        drainMs = config.drainMs
        return await command({ config, output, signal })
      } catch (error) {
        return report(error, output)
      }
    },
    { warn: output.warn, report: (error) => report(error, output), endsWithinMs: () => drainMs + breakOffMs },
  )
}

/** What starts a server is nearly all that there is to load. */
const loadStart = ({ config }: Running) => {
  keepCompiled(config.dataDir)
  return import('./start.ts')
}

// Each command loads what it needs and no more: `--help` needs no database.
const commands: Commands = {
  start: (options) =>
    run(options, async (running) => {
      const [{ start }, { serveAll }] = await Promise.all([loadStart(running), import('./cli/serve.ts')])
      return serveAll({ ...running, start })
    }),
  api: (options) =>
    run(options, async (running) => {
      const [{ start }, { serveApi }] = await Promise.all([loadStart(running), import('./cli/serve.ts')])
      return serveApi({ ...running, start })
    }),
  worker: ({ pools, concurrency, ...options }) =>
    run(options, async (running) => {
      const [{ start }, { serveWorkers }] = await Promise.all([loadStart(running), import('./cli/serve.ts')])
      return serveWorkers({ ...running, start }, pools, concurrency)
    }),
  migrate: (options) =>
    run(options, async (running) => {
      const [{ migrateDatabase }, { migrate }, { awaitDatabase }, { createLogger }] = await Promise.all([
        import('./cli/migrate.ts'),
        import('./adapters/db/migrate.ts'),
        import('./await-backends.ts'),
        import('./logger.ts'),
      ])
      const { config, signal } = running
      return migrateDatabase({
        ...running,
        async migrate(databaseUrl) {
          const log = createLogger(config.log)
          await awaitDatabase(databaseUrl, true, { log, signal })
          return await migrate(databaseUrl, { waiting: (words) => log.warn({}, words) })
        },
      })
    }),
  demo: ({ scenario, yes, ...options }) =>
    run(
      options,
      async (running) => {
        const [{ start }, { demo }] = await Promise.all([loadStart(running), import('./cli/demo/command.ts')])
        return demo({ ...running, scenario, yes, start })
      },
      { preferred: { PORT: '0', LOG_LEVEL: 'warn' }, isLive: true },
    ),
  doctor: ({ url, tokenFile, ...options }) =>
    run(options, async (running) => {
      const { doctor } = await import('./cli/doctor/command.ts')
      return doctor({ ...running, url, tokenFile })
    }),
  health: (options) =>
    run(options, async ({ config, output }) => {
      const [{ checkProcesses }, { lastSigns }, { silentMs }] = await Promise.all([
        import('./cli/health.ts'),
        import('./adapters/db/last-signs.ts'),
        import('./domain/process/beat.ts'),
      ])
      return checkProcesses({ config, output, host: hostname(), freshMs: silentMs, lastSigns })
    }),
  export: ({ version: id, directory, ...options }) =>
    run(options, async ({ config, output, signal }) => {
      const [{ exportVersion }, { openExport }, { openStores }, { createLogger }] = await Promise.all([
        import('./cli/export/command.ts'),
        import('./domain/version/open-export.ts'),
        import('./open-stores.ts'),
        import('./logger.ts'),
      ])
      return exportVersion({
        output,
        signal,
        version: id,
        directory,
        async withVersion(versionId, use) {
          await using stores = await openStores(config, createLogger(config.log))
          return await use(await openExport(stores, versionId))
        },
      })
    }),
  fsck: ({ project, ...options }) =>
    run(options, async ({ config, output, signal }) => {
      const [{ fsck }, { fsckProjects }, { openStores }, { createLogger }] = await Promise.all([
        import('./cli/fsck.ts'),
        import('./domain/maintenance/fsck-projects.ts'),
        import('./open-stores.ts'),
        import('./logger.ts'),
      ])
      await using stores = await openStores(config, createLogger(config.log))
      return await fsck({ output, signal, project, check: (what) => fsckProjects(stores, what) })
    }),
  backup: ({ path, withSecrets, ...options }) =>
    run(options, async ({ config, output, signal }) => {
      const [{ backup }, { copyingFrom }] = await Promise.all([
        import('./cli/backup/backup.ts'),
        import('./backup-places.ts'),
      ])
      return await backup({ output, signal, path, withSecrets, take: copyingFrom(config) })
    }),
  restore: ({ path, ...options }) =>
    run(options, async ({ config, output, signal }) => {
      const [{ restore }, { fsck }, { restorePlace }, { migrationNames }] = await Promise.all([
        import('./cli/backup/restore.ts'),
        import('./cli/fsck.ts'),
        import('./backup-places.ts'),
        import('./adapters/db/migrate.ts'),
      ])
      await using place = restorePlace(config)
      return await restore({
        output,
        signal,
        path,
        dataDir: config.dataDir,
        knownMigrations: await migrationNames(),
        restore: place.restore,
        check: () => place.check((check) => fsck({ output, signal, project: undefined, check })),
      })
    }),
  verify: ({ repository, commit, key, ...options }) =>
    run(options, async ({ config, output, signal }) => {
      const [{ verify }, { verifyCommit }, { NoRepositoryError, openForeignRepository }] = await Promise.all([
        import('./cli/verify/command.ts'),
        import('./domain/evidence/verify-commit.ts'),
        import('./adapters/git/foreign-repository.ts'),
      ])
      return verify({
        output,
        repository,
        commit,
        key,
        async verify(path, revision, keyId) {
          const opening = openForeignRepository(path, { searchPath: config.searchPath, timeoutMs: 600_000, signal })
          await using opened = await opening.catch((error: unknown) => {
            throw error instanceof NoRepositoryError ? new UsageError(error.message) : error
          })
          return await verifyCommit(opened, revision, keyId)
        },
      })
    }),
  review: ({ flags, ...options }) =>
    run(options, async ({ config, output, signal }) => {
      const { review } = await import('./cli/review/command.ts')
      // Who reads no further, as `head` does, has had enough.
      stdout.on('error', (error: NodeJS.ErrnoException) => {
        if (error.code !== 'EPIPE') throw error
        process.exit(exitCodes.ok)
      })
      // A terminal that is told to be dumb cannot be drawn on.
      const plain = flags.plain || env.TERM === 'dumb'
      return review({ config, output, signal, flags: { ...flags, plain }, stdin, stdout })
    }),
  mcp: ({ url, tokenFile, ...options }) =>
    run(options, async ({ config, output, signal }) => {
      const { serveStdio } = await import('./cli/mcp/command.ts')
      return serveStdio({ config, output, signal, url, tokenFile, stdin, stdout })
    }),
}

try {
  await createProgram(commands, version, {
    writeOut: (text) => stdout.write(text),
    writeErr: (text) => stderr.write(text),
  }).parseAsync()
} catch (error) {
  if (!(error instanceof CommanderError)) throw error
  process.exitCode = error.exitCode === 0 ? exitCodes.ok : exitCodes.usage
}
