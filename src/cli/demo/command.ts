import type { Config } from '../../config.ts'
import { type ExitCode, exitCodes } from '../exit.ts'
import type { Output } from '../output.ts'
import { defaultPoolSizes, localUrl, type Start } from '../serve.ts'
import { type DemoOutcome, runDemo } from './run-demo.ts'
import type { DemoScenario } from './scenario.ts'

export interface DemoCommandOptions {
  readonly config: Config
  readonly output: Output
  readonly signal: AbortSignal
  readonly scenario: DemoScenario
  readonly yes: boolean
  readonly start: Start
}

// Beyond the sprint's own five minutes: the interview before it, tests and commit after it.
const demoMs = 600_000

const exitCodeOf: Readonly<Record<DemoOutcome, ExitCode>> = {
  committed: exitCodes.ok,
  declined: exitCodes.failed,
  'approval-required': exitCodes.usage,
}

/** Starts a server of its own, runs the demo against it, and ends both. */
export const demo = async ({ config, output, signal, scenario, yes, start }: DemoCommandOptions): Promise<ExitCode> => {
  const parts = { api: true, pools: defaultPoolSizes, rehearsal: true, migrate: true }
  const running = await start(config, { ...parts, signal })
  const stop = new AbortController()
  void running.failed.then((error) => stop.abort(error))
  const limit = setTimeout(() => stop.abort(new Error(`The demo took longer than ${demoMs / 60_000} minutes.`)), demoMs)
  try {
    const outcome = await runDemo({
      server: { ...running, url: localUrl(running.url) },
      dataDir: config.dataDir,
      searchPath: config.searchPath,
      scenario,
      yes,
      output,
      signal: AbortSignal.any([signal, stop.signal]),
    })
    return exitCodeOf[outcome]
  } finally {
    clearTimeout(limit)
    await running.close()
  }
}
