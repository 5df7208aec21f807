import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { basename, join } from 'node:path'
import { SandboxUnavailableError } from '../../domain/errors.ts'
import type { SetUpLimits, SetUpRequest, SetUpResult } from '../../domain/ports/sandbox.ts'
import { setUpContainerSpec } from './docker-container.ts'
import { type DockerEngine, faultOf } from './docker-engine.ts'
import { exitCode } from './docker-exec.ts'
import { imageFault } from './docker-image.ts'
import { containerOwner, removeContainer } from './docker-leftovers.ts'
import { createFrameReader } from './docker-stream.ts'
import { fromShellCode } from './judge-ending.ts'
import type { DockerConfinement } from './run-docker.ts'
import type { SetUpEnding, SetUpPlace } from './set-up-commands.ts'
import { removeLayerDirectory, setUpLayer } from './set-up-layer.ts'
import type { SetUpLog } from './set-up-log.ts'

const REPOSITORY = 'countersign-environment'
/** An image of some gigabytes is written to the disk meanwhile. */
const COMMIT_MS = 300_000
const EXEC_ENVIRONMENT = ['HOME=/tmp', 'LANG=C.UTF-8', 'DEBIAN_FRONTEND=noninteractive']

/** The image that has what a layer's setup commands changed of the system. */
export function layerImage(layer: string): string {
  return `${REPOSITORY}:${basename(layer)}`
}

/** Runs setup commands as root of one container, with network. @throws SandboxUnavailableError */
export async function setUpInDocker(confinement: DockerConfinement, request: SetUpRequest): Promise<SetUpResult> {
  const image = request.image ?? confinement.image
  const fault = await imageFault(confinement.engine, image)
  if (fault !== null) throw new SandboxUnavailableError(`${fault.reason} To fix it: ${fault.remedy}`)
  // One half without the other is no layer. The image's name would go to the new one, and leave it without any.
  await removeDockerLayer(confinement, request.layer)
  const result = await setUpLayer(request, null, (directory) => openPlace(confinement, request, { image, directory }))
  // The image was kept before the directory got its name; without the directory nobody will ask for it.
  if (result.failure !== null) await removeImage(confinement.engine, layerImage(request.layer))
  return result
}

/** Whether the engine has a layer's image. */
export async function hasLayerImage({ engine }: DockerConfinement, layer: string): Promise<boolean> {
  return (await imageFault(engine, layerImage(layer))) === null
}

export async function removeDockerLayer({ engine }: DockerConfinement, layer: string): Promise<void> {
  await removeLayerDirectory(layer)
  await removeImage(engine, layerImage(layer))
}

async function openPlace(
  { engine, seccompProfile }: DockerConfinement,
  { layer, limits }: SetUpRequest,
  { image, directory }: { image: string; directory: string },
): Promise<SetUpPlace> {
  const name = `countersign-setup-${randomBytes(8).toString('hex')}`
  const workspace = join(directory, 'workspace')
  const spec = setUpContainerSpec({ image, workspace, limits, seccompProfile, owner: containerOwner() })
  const made = await engine.ask('POST', '/containers/create', { query: { name }, body: spec })
  if (made.status >= 400) throw new SandboxUnavailableError(`The container was refused: ${faultOf(made.body)}`)
  const end = async () => {
    await giveBack(engine, name)
    await removeContainer(engine, name)
  }
  try {
    await engine.must('POST', `/containers/${name}/start`)
  } catch (error) {
    await removeContainer(engine, name)
    throw error
  }
  return {
    notes: [],
    run: (argv, log, signal) => runOne(engine, name, { argv, log, signal }),
    excess: () => writtenTooMuch(engine, name, limits),
    async finish() {
      const [repo, tag] = [REPOSITORY, basename(layer)]
      await engine.must('POST', '/commit', {
        query: { container: name, repo, tag, comment: 'setup commands' },
        body: {},
        timeoutMs: COMMIT_MS,
      })
      await giveBack(engine, name)
    },
    end,
  }
}

async function runOne(
  engine: DockerEngine,
  name: string,
  { argv, log, signal }: { argv: readonly string[]; log: SetUpLog; signal: AbortSignal },
): Promise<SetUpEnding> {
  const { Id: id } = (await engine.must('POST', `/containers/${name}/exec`, { body: execSpec(argv) })) as { Id: string }
  const killing = Promise.withResolvers<null>()
  // Looked at below, where a fault of it is seen.
  killing.promise.catch(() => {})
  const kill = () => {
    engine.ask('POST', `/containers/${name}/kill`).then(() => killing.resolve(null), killing.reject)
  }
  signal.addEventListener('abort', kill, { once: true })
  const looking = new AbortController()
  try {
    if (signal.aborted) kill()
    const { stream, first } = await engine.attach(`/exec/${id}/start`, { Detach: false, Tty: false })
    const reader = createFrameReader({ stdout: log.add, stderr: log.add })
    // A connection that breaks ends the log; whether the command still runs is asked for by itself.
    stream.on('error', () => stream.destroy())
    const closed = Promise.race([once(stream, 'end'), once(stream, 'close')]).catch(() => undefined)
    reader.add(first)
    stream.on('data', (chunk: Buffer) => reader.add(chunk))
    const code = await Promise.race([
      exitCode(
        engine,
        id,
        closed.then(() => undefined),
        looking.signal,
      ),
      killing.promise,
    ])
    stream.destroy()
    const { OOMKilled: isOutOfMemory } = (await engine.must('GET', `/containers/${name}/json`)).State
    const ending = code === null ? { exitCode: null, signal: 'SIGKILL' } : fromShellCode(code)
    return { ...ending, isOutOfMemory: isOutOfMemory && ending.exitCode !== 0 }
  } finally {
    looking.abort()
    signal.removeEventListener('abort', kill)
  }
}

function execSpec(argv: readonly string[]): object {
  return {
    User: '0:0',
    WorkingDir: '/workspace',
    Env: EXEC_ENVIRONMENT,
    Cmd: argv,
    AttachStdin: false,
    AttachStdout: true,
    AttachStderr: true,
    Tty: false,
    Privileged: false,
  }
}

/** Of what is in the container itself only its size can be asked for, and only now and then. */
async function writtenTooMuch(engine: DockerEngine, name: string, { layerBytes }: SetUpLimits): Promise<string | null> {
  const { SizeRw: bytes = 0 } = (await engine.must('GET', `/containers/${name}/json`, {
    query: { size: 'true' },
  })) as { readonly SizeRw?: number }
  return bytes > layerBytes ? `what the commands write may have ${layerBytes} bytes` : null
}

/** What the container's root wrote into the workspace is given to a server that is not root, which could not remove it. */
async function giveBack(engine: DockerEngine, name: string): Promise<void> {
  const [uid, gid] = [process.getuid?.() ?? 0, process.getgid?.() ?? 0]
  if (uid === 0) return
  await engine.must('POST', `/containers/${name}/start`)
  const { Id: id } = (await engine.must('POST', `/containers/${name}/exec`, {
    body: execSpec(['chown', '-Rh', `${uid}:${gid}`, '/workspace']),
  })) as { Id: string }
  const { stream } = await engine.attach(`/exec/${id}/start`, { Detach: false, Tty: false })
  stream.resume()
  await Promise.race([once(stream, 'end'), once(stream, 'close')])
}

/** One that is not there is no error. */
async function removeImage(engine: DockerEngine, image: string): Promise<void> {
  const { status, body } = await engine.ask('DELETE', `/images/${image}`, { query: { force: 'true' } })
  if (status >= 400 && status !== 404) {
    throw new SandboxUnavailableError(`The image ${image} could not be removed: ${faultOf(body)}`)
  }
}
