import { randomBytes } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import { SandboxUnavailableError } from '../../domain/errors.ts'
import type { SandboxCommand, SandboxResult } from '../../domain/ports/sandbox.ts'
import type { CheckedWorkspace } from './check-command.ts'
import { type CommandUser, commandUser } from './command-user.ts'
import { containerSpec, execSpec } from './docker-container.ts'
import { openDockerDoor } from './docker-door.ts'
import { type DockerEngine, faultOf } from './docker-engine.ts'
import { attachOutput, exitCode } from './docker-exec.ts'
import { imageFault } from './docker-image.ts'
import { containerOwner, removeContainer } from './docker-leftovers.ts'
import { fillWorkspace, withDockerWorkspace } from './docker-workspace.ts'
import { withDoor } from './door.ts'
import { fromShellCode, lateEnding, memoryNote } from './judge-ending.ts'
import { layerImage } from './set-up-docker.ts'
import { type Ending, neverStarted } from './supervise.ts'

/** How commands are confined by an engine: found out once. */
export interface DockerConfinement {
  readonly engine: DockerEngine
  /** Used for a command that names none. */
  readonly image: string
  readonly user: CommandUser
  /** Where the server puts what lives as long as a run. */
  readonly scratch: string
  readonly seccompProfile: string
}

/** How much later than its last command a container may be seen to end. */
const SETTLE_MS = 100
/** Room for what is under way when the last writer has gone. */
const DRAIN_MS = 2_000

/**
 * Runs one command in a container of its own, as a second process beside the container's first: so it is the engine,
 * outside, that sees how it ends.
 * @throws SandboxUnavailableError when the engine could not make the container or start the command
 */
export async function runInDocker(
  confinement: DockerConfinement,
  command: SandboxCommand,
  checked: CheckedWorkspace,
): Promise<SandboxResult> {
  const { engine } = confinement
  const image = command.layer === undefined ? (command.image ?? confinement.image) : layerImage(command.layer)
  const fault = await imageFault(engine, image)
  if (fault !== null) throw new SandboxUnavailableError(`${fault.reason} To fix it: ${fault.remedy}`)
  const name = `countersign-${randomBytes(8).toString('hex')}`
  return withDockerWorkspace({ scratch: confinement.scratch, user: commandUser() }, checked, async (workspace) => {
    try {
      const { door } = command
      const limits = withDoor(command)
      const spec = containerSpec({ ...confinement, image, workspace, limits, door, owner: containerOwner() })
      const made = await engine.ask('POST', '/containers/create', { query: { name }, body: spec })
      if (made.status >= 400) throw new SandboxUnavailableError(`The container was refused: ${faultOf(made.body)}`)
      if (command.signal?.aborted) return { ...neverStarted, driver: 'docker' }
      await engine.must('POST', `/containers/${name}/start`)
      if (!command.signal?.aborted) {
        const specOf = (argv: readonly string[]) => execSpec({ ...confinement, argv, environment: {}, hasInput: false })
        await fillWorkspace(engine, name, workspace, { execSpec: specOf, signal: command.signal })
        if (door !== undefined) await openDockerDoor(engine, name, door)
      }
      if (command.signal?.aborted) return { ...neverStarted, driver: 'docker' }
      return { ...(await follow(confinement, command, name)), driver: 'docker' }
    } finally {
      await removeContainer(engine, name)
    }
  })
}

async function follow({ engine, user }: DockerConfinement, command: SandboxCommand, name: string): Promise<Ending> {
  const exec = (await engine.must('POST', `/containers/${name}/exec`, {
    body: execSpec({
      argv: command.argv,
      environment: command.environment ?? {},
      user,
      hasInput: command.stdin !== undefined,
    }),
  })) as { readonly Id: string }
  const cause = { timedOut: false, canceled: false }
  const killing = Promise.withResolvers<null>()
  // Looked at further down, where a fault of it is seen.
  killing.promise.catch(() => {})
  let wall: NodeJS.Timeout | undefined
  const kill = () => {
    killContainer(engine, name).then(() => killing.resolve(null), killing.reject)
  }
  const expire = () => {
    if (cause.timedOut || cause.canceled) return
    askToEnd(engine, user, name)
    cause.timedOut = true
    wall = setTimeout(kill, command.limits.graceMs)
  }
  const cancel = () => {
    cause.canceled = !cause.timedOut
    kill()
  }
  command.signal?.addEventListener('abort', cancel, { once: true })
  if (command.signal?.aborted) cancel()
  const startedAt = performance.now()
  try {
    const output = await attachOutput(engine, exec.Id, {
      outputBytes: command.limits.outputBytes,
      stdin: command.stdin,
    }).catch((error: Error) => {
      // A container that was ended in the meantime takes no command.
      if (cause.canceled) return null
      throw error
    })
    if (output === null) return neverStarted
    wall = setTimeout(expire, command.limits.wallMs)
    const looking = new AbortController()
    const code = await Promise.race([exitCode(engine, exec.Id, output.closed, looking.signal), killing.promise])
      .catch((error: Error) => {
        // A command that was ended while the engine started it is one that could not be started.
        if (cause.canceled || cause.timedOut) return killing.promise
        throw error
      })
      .finally(() => looking.abort())
    const durationMs = performance.now() - startedAt
    // What comes from here on ends nothing any more.
    clearTimeout(wall)
    command.signal?.removeEventListener('abort', cancel)
    const isOurs = cause.timedOut || cause.canceled || (await isStillThere(engine, name, code))
    await killContainer(engine, name)
    await Promise.race([output.closed, wait(DRAIN_MS)])
    const { OOMKilled: isOutOfMemory } = await containerState(engine, name)
    if (!isOurs && !isOutOfMemory) throw new SandboxUnavailableError('The container was ended by others.')
    const { stdout, stderr } = output.texts()
    return {
      ...(cause.timedOut || cause.canceled || code === null ? lateEnding(code) : fromShellCode(code)),
      ...cause,
      stdout: stdout.text,
      stderr: stderr.text + (isOutOfMemory ? memoryNote(command.limits.memoryBytes) : ''),
      truncated: stdout.truncated || stderr.truncated,
      outOfMemory: isOutOfMemory,
      durationMs,
    }
  } finally {
    clearTimeout(wall)
    command.signal?.removeEventListener('abort', cancel)
  }
}

/** Tells every process of the command to end. Whether that is heard or not, the container is killed a little later. */
function askToEnd(engine: DockerEngine, user: CommandUser, name: string): void {
  const body = execSpec({ argv: ['sh', '-c', 'kill -TERM -1'], environment: {}, user, hasInput: false })
  engine
    .must('POST', `/containers/${name}/exec`, { body })
    .then(({ Id }) => engine.must('POST', `/exec/${Id}/start`, { body: { Detach: true } }))
    // A container without room for another process takes none.
    .catch(() => {})
}

/** Whether a container outlived its command. One that is ended takes the command with it, and is seen to end later. */
async function isStillThere(engine: DockerEngine, name: string, code: number | null): Promise<boolean> {
  if (code !== null && fromShellCode(code).signal !== 'SIGKILL') return true
  await wait(SETTLE_MS)
  return (await containerState(engine, name)).Running
}

async function containerState(
  engine: DockerEngine,
  name: string,
): Promise<{ readonly Running: boolean; readonly OOMKilled: boolean }> {
  return (await engine.must('GET', `/containers/${name}/json`)).State
}

/** Returns when no process of the container is left. */
async function killContainer(engine: DockerEngine, name: string): Promise<void> {
  const { status, body } = await engine.ask('POST', `/containers/${name}/kill`)
  if (status >= 400 && status !== 404 && status !== 409) {
    throw new SandboxUnavailableError(`The container could not be ended: ${faultOf(body)}`)
  }
}
