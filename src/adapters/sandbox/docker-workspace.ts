import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { SandboxUnavailableError } from '../../domain/errors.ts'
import type { CheckedWorkspace } from './check-command.ts'
import type { CommandUser } from './command-user.ts'
import type { DockerEngine } from './docker-engine.ts'
import { attachOutput, exitCode } from './docker-exec.ts'
import { planChanges } from './plan-changes.ts'
import { withScratch } from './scratch.ts'
import { type TreeSize, treeSize } from './tree-size.ts'
import { writeFiles } from './write-files.ts'

/** What a container's workspace, which lies in its memory, is filled with. */
export interface DockerWorkspace {
  /** Directories of the engine's machine, the lowest first, each to be bound read-only and copied in. */
  readonly sources: readonly string[]
  /** The list of paths to take out between the last source and those before it; null: nothing is to be taken out. */
  readonly removals: string | null
  /** What all of it takes. */
  readonly size: TreeSize
}

const SOURCES = '/run/countersign'
const REMOVALS = `${SOURCES}/removals`
const COPY = { outputBytes: 16 * 1024, timeoutMs: 300_000 } as const

/** Takes the sources in their order; the last one comes after the removals. */
const SCRIPT = `set -e
for source; do
  if [ "$source" = ${REMOVALS} ]; then xargs -0 rm -rf -- < ${REMOVALS}; else cp -a "$source/." .; fi
done`

/** The bindings that a container needs for it: host path and path inside. */
export function workspaceBindings({ sources, removals }: DockerWorkspace): readonly (readonly [string, string])[] {
  const bound = sources.map((source, index) => [source, `${SOURCES}/${index}`] as const)
  return removals === null ? bound : [...bound, [removals, REMOVALS]]
}

/** Lays a workspace's parts out for as long as `use` runs. */
export async function withDockerWorkspace<T>(
  { scratch, user }: { readonly scratch: string; readonly user: CommandUser | null },
  { lowers, changes }: CheckedWorkspace,
  use: (workspace: DockerWorkspace) => Promise<T>,
): Promise<T> {
  const { files, removals, hidden } = await planChanges(lowers, changes)
  const below = lowers.toReversed()
  if (files.length === 0 && removals.length === 0) {
    return use({ sources: below, removals: null, size: await sizeOf(below) })
  }
  return withScratch(scratch, async (directory) => {
    const changed = join(directory, 'changes')
    await mkdir(changed)
    await writeFiles(changed, files, user)
    const list = join(directory, 'removals')
    // What is in a changed file's way goes first: a link would be followed, and a directory stays.
    await writeFile(list, [...removals, ...hidden].map((path) => `./${path}\0`).join(''))
    await chmod(list, 0o644)
    const sources = [...below, changed]
    return use({ sources, removals: list, size: await sizeOf(sources) })
  })
}

/**
 * Copies the parts in, in the container and as the command's user: there a link leads nowhere else.
 * @throws SandboxUnavailableError when that fails
 */
export async function fillWorkspace(
  engine: DockerEngine,
  container: string,
  workspace: DockerWorkspace,
  { execSpec, signal }: { execSpec: (argv: readonly string[]) => object; signal: AbortSignal | undefined },
): Promise<void> {
  if (workspace.sources.length === 0) return
  const places = workspaceBindings(workspace).map(([, place]) => place)
  const parts = places.filter((place) => place !== REMOVALS)
  const order = workspace.removals === null ? parts : [...parts.slice(0, -1), REMOVALS, ...parts.slice(-1)]
  const body = execSpec(['sh', '-c', SCRIPT, 'fill', ...order])
  const { Id } = (await engine.must('POST', `/containers/${container}/exec`, { body })) as { readonly Id: string }
  const output = await attachOutput(engine, Id, { outputBytes: COPY.outputBytes, stdin: undefined })
  const limit = AbortSignal.timeout(COPY.timeoutMs)
  const code = await exitCode(engine, Id, output.closed, AbortSignal.any(signal ? [limit, signal] : [limit]))
  if (code === 0 || signal?.aborted) return
  const why = output.texts().stderr.text.trim().slice(0, 1_000)
  throw new SandboxUnavailableError(`The workspace could not be filled: ${why || `exit ${code ?? 'none'}`}`)
}

async function sizeOf(directories: readonly string[]): Promise<TreeSize> {
  const sizes = await Promise.all(directories.map((directory) => treeSize(directory)))
  return {
    bytes: sizes.reduce((sum, { bytes }) => sum + bytes, 0),
    entries: sizes.reduce((sum, { entries }) => sum + entries, 0),
  }
}
