import type { Sandbox } from '../../domain/ports/sandbox.ts'
import type { Tracer } from '../../domain/ports/tracer.ts'

/** The same sandbox, whose runs are parts of the trace: how they ended, and nothing of what they wrote. */
export const tracedSandbox = (sandbox: Sandbox, tracer: Tracer): Sandbox => {
  if (!tracer.isOn) return sandbox
  const { driver } = sandbox
  return {
    ...sandbox,
    run: (command) =>
      tracer.span('sandbox', { step: 'run', driver }, async (span) => {
        const result = await sandbox.run(command)
        const { exitCode, signal, timedOut, truncated } = result
        span.note({ exitCode, signal, timedOut, truncated, ...(timedOut && { failure: 'timed_out' }) })
        return result
      }),
    setUp: (request) =>
      tracer.span('sandbox', { step: 'set-up', driver }, async (span) => {
        const result = await sandbox.setUp(request)
        if (result.failure !== null) span.note({ failure: 'set_up_failed' })
        return result
      }),
  }
}
