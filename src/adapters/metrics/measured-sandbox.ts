import type { Measure, SandboxOutcome } from '../../domain/ports/measure.ts'
import type { Sandbox, SandboxResult } from '../../domain/ports/sandbox.ts'

const outcomeOf = (result: SandboxResult): SandboxOutcome => {
  if (result.canceled) return 'CANCELED'
  if (result.timedOut) return 'TIMED_OUT'
  if (result.exitCode === 0) return 'PASSED'
  return result.outOfMemory ? 'OUT_OF_MEMORY' : 'FAILED'
}

/** The same sandbox, whose commands are timed. */
export const measuredSandbox = (sandbox: Sandbox, measure: Measure): Sandbox => ({
  ...sandbox,
  async run(command) {
    const startedAt = performance.now()
    try {
      const result = await sandbox.run(command)
      measure.commandEnded({ driver: result.driver, outcome: outcomeOf(result), ms: result.durationMs })
      return result
    } catch (error) {
      measure.commandEnded({ driver: sandbox.driver, outcome: 'ERRORED', ms: performance.now() - startedAt })
      throw error
    }
  },
})
