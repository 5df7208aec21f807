import type { Config } from '../../config.ts'
import { describeFault, type ExitCode, exitCodes } from '../exit.ts'
import type { Output } from '../output.ts'
import { type Check, missing } from './check.ts'
import { checkProviders } from './providers.ts'
import { renderChecks } from './report.ts'
import { checkBubblewrap, checkDocker, checkSandbox } from './sandbox.ts'
import { checkDatabase, checkRedis } from './services.ts'
import { checkSigningKey } from './signing.ts'
import { checkDataDir, checkDisk } from './storage.ts'
import { checkGit, checkNode, checkPython } from './tools.ts'

const checks: Readonly<Record<string, (config: Config) => Check | Promise<Check>>> = {
  node: () => checkNode(),
  git: checkGit,
  python3: checkPython,
  sandbox: checkSandbox,
  bubblewrap: checkBubblewrap,
  docker: checkDocker,
  database: checkDatabase,
  queue: checkRedis,
  providers: checkProviders,
  data: checkDataDir,
  disk: checkDisk,
  evidence: checkSigningKey,
}

/** Looks at what this machine has and lacks; fails when something needed is missing. */
export const doctor = async (config: Config, output: Output): Promise<ExitCode> => {
  const found = await Promise.all(
    Object.entries(checks).map(async ([name, check]) => {
      try {
        return await check(config)
      } catch (error) {
        return missing(name, `could not be looked at: ${describeFault(error, { stack: false })}`, 'see what it says')
      }
    }),
  )
  const isFit = found.every(({ status }) => status !== 'missing')
  output.json({ type: 'doctor', ok: isFit, checks: found })
  if (!output.quiet) output.print(renderChecks(found, output.style, output.columns))
  return isFit ? exitCodes.ok : exitCodes.failed
}
