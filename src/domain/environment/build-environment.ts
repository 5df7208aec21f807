import { LockMode } from '@mikro-orm/core'
import { SandboxUnavailableError } from '../errors.ts'
import { type HeldLease, leaseOn, withLease } from '../lease/lease.ts'
import type { SetUpRequest, SetUpResult, WorkspaceChange } from '../ports/sandbox.ts'
import { rows } from '../shared/database.ts'
import { readableText } from '../shared/readable-text.ts'
import type { Services } from '../shared/services.ts'
import { endEnvironment } from './end-environment.ts'
import { Environment, type EnvironmentRow } from './environment.entity.ts'
import { toEnvironmentStatus } from './environment.status.ts'
import { maxKeyFileBytes, setUpLimits } from './environment-settings.ts'
import { hasLayer } from './has-layer.ts'

/** What stops a build before a command of it has run; its words are for the ADMIN. */
class UnbuildableError extends Error {
  override readonly name = 'UnbuildableError'
}

const changeEnvironment = (lease: HeldLease, id: string, change: (row: EnvironmentRow) => object) =>
  lease.transact(async (tx) => {
    const row = await tx.em.findOneOrFail(Environment, { id }, { lockMode: LockMode.PESSIMISTIC_WRITE })
    Object.assign(row, change(row as EnvironmentRow))
  })

const readKeyFiles = async (services: Services, environment: EnvironmentRow): Promise<readonly WorkspaceChange[]> => {
  const there = environment.keyFiles.flatMap(({ path, objectId, mode }) =>
    objectId === null ? [] : [{ path, objectId, mode }],
  )
  const files: WorkspaceChange[] = []
  let left = maxKeyFileBytes
  const wanted = there.map(({ objectId }) => objectId)
  for await (const { size, content } of services.git.contents(environment.projectId, wanted)) {
    const { path, mode } = there[files.length] ?? { path: '', mode: null }
    left -= size
    if (left < 0) {
      throw new UnbuildableError(`The key files have more than ${maxKeyFileBytes} bytes, with ${path}: name fewer.`)
    }
    files.push({ path, content: Buffer.concat(await Array.fromAsync(content)), isExecutable: mode === '100755' })
  }
  return files
}

/** Stores the log as it grows, one state after the other; of those that come meanwhile only the last. */
const keepLog = (services: Services, lease: HeldLease, id: string) => {
  let latest: string | undefined
  let storing: Promise<void> | undefined
  const store = async () => {
    while (latest !== undefined) {
      const log = readableText(latest)
      latest = undefined
      await changeEnvironment(lease, id, () => ({ log }))
    }
  }
  return {
    add(log: string) {
      latest = log
      storing ??= store()
        // The end of the build stores the whole log; who has lost the lease may store nothing.
        .catch((error: unknown) => services.log.warn({ error, environmentId: id }, 'a log could not be stored yet'))
        .finally(() => {
          storing = undefined
        })
    },
    settled: async () => storing,
  }
}

const setUp = async (
  services: Services,
  environment: EnvironmentRow,
  running: Pick<SetUpRequest, 'signal' | 'onLog'>,
): Promise<SetUpResult> => {
  const layer = services.layerDirectory(environment.hash)
  try {
    return await services.sandbox.setUp({
      layer,
      commands: environment.setupCommands,
      keyFiles: await readKeyFiles(services, environment),
      ...(environment.image === null ? {} : { image: environment.image }),
      limits: setUpLimits,
      ...running,
    })
  } catch (error) {
    running.signal.throwIfAborted()
    if (!(error instanceof SandboxUnavailableError) && !(error instanceof UnbuildableError)) {
      services.log.error({ error, environmentId: environment.id }, 'an environment could not be built')
    }
    const failure = error instanceof Error ? error.message : String(error)
    return { failure, log: `${failure}\n` }
  }
}

/**
 * Builds an environment that is not built: runs its commands with network, and keeps what they leave under its hash.
 * The layer appears when it is complete, so a build that was killed is made again from its beginning.
 */
export const buildEnvironment = async (services: Services, id: string, stop: AbortSignal): Promise<void> => {
  await withLease(services, leaseOn('environment', id), stop, async (lease) => {
    const environment = await rows(services.em())
      .selectFrom('Environment')
      .selectAll()
      .where('id', '=', id)
      .executeTakeFirst()
    if (!environment || (environment.status !== 'PENDING' && environment.status !== 'RUNNING')) return
    const isBuilt = await hasLayer(services, environment.hash)
    await changeEnvironment(lease, id, ({ status, log }) => ({
      status: status === 'PENDING' ? toEnvironmentStatus(status, 'RUNNING') : status,
      startedAt: services.clock(),
      log: isBuilt ? log : '',
    }))
    const log = keepLog(services, lease, id)
    const result = isBuilt ? null : await setUp(services, environment, { signal: lease.signal, onLog: log.add })
    await log.settled()
    lease.signal.throwIfAborted()
    await lease.transact(async (tx) => {
      const row = await tx.em.findOneOrFail(Environment, { id }, { lockMode: LockMode.PESSIMISTIC_WRITE })
      if (result) row.log = readableText(result.log)
      const failure = result?.failure == null ? null : readableText(result.failure)
      await endEnvironment(tx, row, failure === null ? 'SUCCEEDED' : 'FAILED', failure)
    })
  })
}
