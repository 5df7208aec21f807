import { chmod, mkdir, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { SandboxUnavailableError } from '../errors.ts'
import type { SandboxResult } from '../ports/sandbox.ts'
import { safeText } from '../shared/safe-text.ts'
import type { Services } from '../shared/services.ts'
import { splitObjection, supervised } from './runners/supervised.ts'
import type { TestFile } from './test-case.entity.ts'
import type { TestStatus } from './test-run.status.ts'

/** A file that is laid over the workspace, or, without content, taken out of it. */
export interface OverlayFile {
  readonly path: string
  readonly content: Buffer | string | null
  readonly isExecutable?: boolean
}

/** What is run, and on what. */
export interface TestSubject {
  readonly projectId: string
  readonly tree: string
  readonly command: readonly string[]
  readonly timeoutMs: number
  readonly files: readonly TestFile[]
  /** Laid over the tree before the test case's own files. */
  readonly overlay?: readonly OverlayFile[]
}

export interface TestOutcome {
  readonly status: TestStatus
  readonly exitCode: number | null
  readonly stdout: string
  readonly stderr: string
  readonly truncated: boolean
  readonly durationMs: number
  readonly error: string | null
}

// The workspace is fresh and nothing has run in it yet: its links lead nowhere else than into itself.
const layOver = async (directory: string, files: readonly OverlayFile[]): Promise<void> => {
  for (const file of files.filter(({ content }) => content === null)) {
    await rm(join(directory, file.path), { force: true })
  }
  for (const { path: name, content, isExecutable } of files) {
    if (content === null) continue
    const path = join(directory, name)
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, content)
    if (isExecutable) await chmod(path, 0o755)
  }
}

const statusOf = (result: SandboxResult): TestStatus => {
  if (result.canceled) return 'SKIPPED'
  if (result.timedOut) return 'TIMED_OUT'
  return result.exitCode === 0 ? 'PASSED' : 'FAILED'
}

const errorOf = (result: SandboxResult, timeoutMs: number, objection: string | null): string | null => {
  if (result.timedOut) return `Ended after its limit of ${timeoutMs} ms.`
  if (result.signal && !result.canceled) return `Ended by ${result.signal}.`
  return statusOf(result) === 'FAILED' ? objection : null
}

const toOutcome = (result: SandboxResult, timeoutMs: number, mark: string | undefined): TestOutcome => {
  const said = mark === undefined ? { stderr: result.stderr, objection: null } : splitObjection(result.stderr, mark)
  const error = errorOf(result, timeoutMs, said.objection)
  return {
    status: statusOf(result),
    exitCode: result.exitCode,
    stdout: safeText(result.stdout),
    stderr: safeText(said.stderr),
    truncated: result.truncated,
    durationMs: Math.round(result.durationMs),
    error: error === null ? null : safeText(error),
  }
}

/**
 * Runs one test in the sandbox, in a fresh copy of the tree. The exit status seen from outside decides; for a runner that
 * is known it is the status of a process that watches over the runner, and holds its report against what was collected.
 * Hostile code inside the runner's own process is not stopped by that.
 * Faults of the sandbox are ERRORED, never a verdict on the code.
 */
export const runTestCase = async (
  services: Services,
  subject: TestSubject,
  signal: AbortSignal,
): Promise<TestOutcome> => {
  try {
    return await services.workspaces.with(
      async (directory) => {
        await services.git.materialize(subject.projectId, subject.tree, directory)
        const own = subject.files.map(({ path, text }) => ({ path, content: text }))
        await layOver(directory, [...(subject.overlay ?? []), ...own])
      },
      async (workspace) => {
        const watched = supervised(subject.command)
        const result = await services.sandbox.run({
          argv: watched?.argv ?? subject.command,
          workspace,
          limits: { ...services.limits, wallMs: subject.timeoutMs },
          signal,
        })
        return toOutcome(result, subject.timeoutMs, watched?.mark)
      },
    )
  } catch (error) {
    if (!(error instanceof SandboxUnavailableError)) services.log.error({ error }, 'the sandbox failed')
    const message = error instanceof Error ? error.message : String(error)
    return {
      status: 'ERRORED',
      exitCode: null,
      stdout: '',
      stderr: '',
      truncated: false,
      durationMs: 0,
      error: safeText(message),
    }
  }
}
