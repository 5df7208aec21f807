import { accessSync, constants, existsSync } from 'node:fs'
import { SandboxUnavailableError } from '../../domain/errors.ts'
import type { Sandbox, SandboxAvailability } from '../../domain/ports/sandbox.ts'
import { checkCommand } from './check-command.ts'
import { type CommandUser, commandUser, NOBODY } from './command-user.ts'
import { defaultLimits } from './default-limits.ts'
import { createDockerEngine, DEFAULT_ENGINE, enginePath } from './docker-engine.ts'
import { checkImageName, imageFault } from './docker-image.ts'
import { sweepContainers } from './docker-leftovers.ts'
import { dockerSeccompProfile } from './docker-seccomp.ts'
import { type DockerConfinement, runInDocker } from './run-docker.ts'
import { hasLayerImage, removeDockerLayer, setUpInDocker } from './set-up-docker.ts'
import { hasLayerDirectory } from './set-up-layer.ts'
import { neverStarted } from './supervise.ts'

/** Has python3 and Node; further tools come with an image of the project's own. */
export const DEFAULT_IMAGE = 'node:24-bookworm'

export interface DockerOptions {
  /** The engine's socket on this machine, as `DOCKER_HOST` names it. */
  readonly host?: string | undefined
  /** For commands that name no image. */
  readonly image?: string | undefined
}

interface DockerSandboxOptions extends DockerOptions {
  /** The server's own directory for what lives as long as a run; the engine must see it. */
  readonly scratch: string
}

type Readiness =
  | { readonly confinement: DockerConfinement; readonly detail: string }
  | { readonly confinement: null; readonly reason: string; readonly remedy: string }

/** What the engine calls an architecture. */
const ARCHITECTURES: Readonly<Record<string, 'x64' | 'arm64'>> = {
  x86_64: 'x64',
  amd64: 'x64',
  aarch64: 'arm64',
  arm64: 'arm64',
}
const TOOLS = ['python3', 'node', 'git'] as const

/**
 * The driver that confines commands in containers of a Docker engine on this machine, which it asks over its socket.
 * What it can do here is found out at the first use, and kept once it works.
 */
export function createDockerSandbox(options: DockerSandboxOptions): Sandbox {
  let known: Promise<Readiness> | undefined
  const readiness = async () => {
    known ??= prepare(options)
    const looked = known
    const forget = () => {
      if (known === looked) known = undefined
    }
    // An engine that was not there may be started, and an image fetched, while the server runs.
    const ready = await looked.catch((error) => {
      forget()
      throw error
    })
    if (ready.confinement === null) forget()
    return ready
  }
  const confined = async () => {
    const ready = await readiness()
    if (ready.confinement === null) throw new SandboxUnavailableError(`${ready.reason} To fix it: ${ready.remedy}`)
    return ready.confinement
  }
  return {
    driver: 'docker',
    image: options.image ?? DEFAULT_IMAGE,
    async availability(): Promise<SandboxAvailability> {
      const ready = await readiness()
      return ready.confinement === null
        ? { available: false, driver: 'docker', reason: ready.reason, remedy: ready.remedy }
        : { available: true, driver: 'docker', detail: ready.detail }
    },
    async run(command) {
      const workspace = checkCommand(command)
      if (command.image !== undefined) checkImageName(command.image)
      const confinement = await confined()
      if (command.signal?.aborted) return { ...neverStarted, driver: 'docker' }
      return runInDocker(confinement, command, workspace)
    },
    setUp: async (request) => setUpInDocker(await confined(), request),
    // Without its directory there is none, whatever the engine would say.
    hasLayer: async (layer) => (await hasLayerDirectory(layer)) && hasLayerImage(await confined(), layer),
    removeLayer: async (layer) => removeDockerLayer(await confined(), layer),
  }
}

async function prepare({
  host = DEFAULT_ENGINE,
  image = DEFAULT_IMAGE,
  scratch,
}: DockerSandboxOptions): Promise<Readiness> {
  checkImageName(image)
  const socketPath = enginePath(host)
  if (socketPath === null) {
    return lacking(
      `The engine at ${host} is not reached by a socket of this machine, and so cannot see a workspace.`,
      `set DOCKER_HOST to an engine of this machine, such as ${DEFAULT_ENGINE}`,
    )
  }
  const closed = whyClosed(socketPath)
  if (closed !== null) return closed
  const engine = createDockerEngine(socketPath)
  try {
    const info = await engine.must('GET', '/info')
    const architecture = ARCHITECTURES[info.Architecture]
    const fault = unfit(info)
    if (fault !== null || architecture === undefined) {
      return lacking(
        `The Docker engine at ${socketPath} ${fault ?? `runs on ${info.Architecture}, for which there is no system-call filter`}.`,
        'use an engine on Linux with seccomp and with cgroups for memory and pids, or SANDBOX=bubblewrap',
      )
    }
    await sweepContainers(engine)
    const unusable = await imageFault(engine, image)
    if (unusable !== null) return lacking(unusable.reason, unusable.remedy)
    const confinement: DockerConfinement = {
      engine,
      image,
      user: commandUser() ?? ownUser(),
      scratch,
      seccompProfile: dockerSeccompProfile(architecture),
    }
    const tools = await probe(confinement)
    return { confinement, detail: describe(confinement, info, tools) }
  } catch (error) {
    if (!(error instanceof SandboxUnavailableError)) throw error
    return lacking(error.message, 'see that docker info works, or set SANDBOX=bubblewrap')
  }
}

function ownUser(): CommandUser {
  return { uid: process.getuid?.() ?? NOBODY.uid, gid: process.getgid?.() ?? NOBODY.gid }
}

/** Why this process cannot talk to the socket, or null. */
function whyClosed(socketPath: string): Readiness | null {
  if (!existsSync(socketPath)) {
    return lacking(
      `There is no Docker engine at ${socketPath}.`,
      'install Docker Engine (apt-get install -y docker.io, or as docs.docker.com/engine/install says) and start it, ' +
        'or set DOCKER_HOST to its socket',
    )
  }
  try {
    accessSync(socketPath, constants.R_OK | constants.W_OK)
    return null
  } catch {
    return lacking(
      `The server's user (uid ${ownUser().uid}) may not use the Docker engine at ${socketPath}.`,
      `sudo usermod -aG docker "$(id -un)" and log in again (whoever is in that group can become root), or SANDBOX=bubblewrap`,
    )
  }
}

interface EngineInfo {
  readonly OSType: string
  readonly ServerVersion: string
  readonly MemoryLimit: boolean
  readonly PidsLimit: boolean
  readonly CgroupVersion?: string
  readonly SecurityOptions: readonly string[] | null
}

function unfit(info: EngineInfo): string | null {
  if (info.OSType !== 'linux') return `runs ${info.OSType} containers`
  if (!info.MemoryLimit) return 'cannot limit memory'
  if (!info.PidsLimit) return 'cannot limit the number of processes'
  const options = info.SecurityOptions ?? []
  if (!options.some((option) => option.startsWith('name=seccomp'))) return 'has no system-call filter'
  // There, what a container's user writes belongs to a user of the host that the server cannot know.
  if (options.some((option) => option.startsWith('name=rootless')))
    return 'is rootless, and the workspace would not be writable'
  return null
}

/** Runs a command that writes into a workspace; gives the tools that the image has. @throws SandboxUnavailableError */
async function probe(confinement: DockerConfinement): Promise<readonly string[]> {
  const script = 'echo x > written && for tool; do ! command -v "$tool" > /dev/null || echo "$tool"; done'
  const result = await runInDocker(
    confinement,
    {
      argv: ['sh', '-c', script, 'probe', ...TOOLS],
      workspace: { base: null, changes: [] },
      limits: defaultLimits.standard,
    },
    { lowers: [], changes: [], layer: null },
  )
  if (result.exitCode === 0) return result.stdout.trim().split('\n').filter(Boolean)
  throw new SandboxUnavailableError(
    `A container cannot be used: ${result.stderr.trim().slice(0, 1_000) || `exit ${result.exitCode ?? result.signal}`}.`,
  )
}

function describe({ engine, image, user }: DockerConfinement, info: EngineInfo, tools: readonly string[]) {
  return [
    `Docker ${info.ServerVersion} at ${engine.socketPath}`,
    `image ${image} (${tools.length === 0 ? `none of ${TOOLS.join(', ')}` : tools.join(', ')})`,
    commandUser() === null ? "as the server's own user" : `as uid ${user.uid}`,
    `memory limited by cgroup v${info.CgroupVersion ?? '1'}`,
    'workspaces copied into memory, their size and number of files limited by the kernel',
  ].join('; ')
}

function lacking(reason: string, remedy: string): Readiness {
  return { confinement: null, reason, remedy }
}
