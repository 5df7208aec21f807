import type { EnvironmentUse } from '../environment/use-environment.ts'
import { SandboxUnavailableError } from '../errors.ts'
import type { SandboxResult, WorkspaceChange } from '../ports/sandbox.ts'
import { readableText } from '../shared/readable-text.ts'
import type { Services } from '../shared/services.ts'
import { splitObjection, supervised } from './runners/supervised.ts'
import type { TestFile } from './test-case.entity.ts'
import type { TestStatus } from './test-run.status.ts'
import { withTestWorkspace } from './test-workspace.ts'
import type { ModelAccess } from './with-models.ts'

/** What is run, and on what. */
export interface TestSubject {
  readonly projectId: string
  readonly tree: string
  /** A tree that is near to it, and of which many other tests have something to run on. */
  readonly baseTree: string
  readonly command: readonly string[]
  readonly timeoutMs: number
  readonly files: readonly TestFile[]
  /** What the project's environment gives it. */
  readonly environment: EnvironmentUse
  /** The way to models, for a test that may call them. */
  readonly models?: ModelAccess
  /** Laid over the tree before the test case's own files. */
  readonly overlay?: readonly WorkspaceChange[]
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
    stdout: readableText(result.stdout),
    stderr: readableText(said.stderr),
    truncated: result.truncated,
    durationMs: Math.round(result.durationMs),
    error: error === null ? null : readableText(error),
  }
}

/** What comes of a test that could not be run. */
export const erroredOutcome = (message: string): TestOutcome => ({
  status: 'ERRORED',
  exitCode: null,
  stdout: '',
  stderr: '',
  truncated: false,
  durationMs: 0,
  error: readableText(message),
})

/**
 * Runs one test in the sandbox, on the tree as it is and nothing that another run has left. The exit status seen from
 * outside decides; for a runner that is known it is the status of a process that watches over the runner, and holds its
 * report against what was collected. Hostile code inside the runner's own process is not stopped by that.
 * Faults of the sandbox are ERRORED, never a verdict on the code.
 */
export const runTestCase = async (
  services: Services,
  subject: TestSubject,
  signal: AbortSignal,
): Promise<TestOutcome> => {
  try {
    return await withTestWorkspace(services, subject, async (workspace) => {
      const watched = supervised(subject.command)
      const { environment, models } = subject
      const result = await services.sandbox.run({
        argv: watched?.argv ?? subject.command,
        workspace,
        limits: { ...services.limits, wallMs: subject.timeoutMs },
        ...(environment.layer === null ? {} : { layer: environment.layer }),
        ...(environment.image === null ? {} : { image: environment.image }),
        ...(models ? { environment: models.environment } : {}),
        ...(models?.door ? { door: models.door } : {}),
        signal,
      })
      return toOutcome(result, subject.timeoutMs, watched?.mark)
    })
  } catch (error) {
    if (!(error instanceof SandboxUnavailableError)) services.log.error({ error }, 'the sandbox failed')
    const message = error instanceof Error ? error.message : String(error)
    return erroredOutcome(message)
  }
}
