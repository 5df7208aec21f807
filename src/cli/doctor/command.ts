import type { Config } from '../../config.ts'
import { describeFault, type ExitCode, exitCodes } from '../exit.ts'
import type { Output } from '../output.ts'
import { type Check, missing } from './check.ts'
import { checkDatabase } from './database.ts'
import { checkKeys } from './keys.ts'
import { checkProviders } from './providers.ts'
import { checkRedis } from './redis.ts'
import { renderReport } from './report.ts'
import { checkBubblewrap, checkDocker, checkSandbox } from './sandbox.ts'
import { askServer } from './server.ts'
import { checkSigningKey } from './signing.ts'
import { checkDataDir, checkDisk } from './storage.ts'
import { checkGit, checkNode, checkPython } from './tools.ts'

type Look = (config: Config) => Check | Promise<Check | readonly Check[]>

const looks: Readonly<Record<string, Look>> = {
  node: () => checkNode(),
  git: checkGit,
  python3: checkPython,
  sandbox: checkSandbox,
  bubblewrap: checkBubblewrap,
  docker: checkDocker,
  database: checkDatabase,
  queue: checkRedis,
  providers: checkProviders,
  keys: checkKeys,
  data: checkDataDir,
  disk: checkDisk,
  evidence: checkSigningKey,
}

const lookAtMachine = async (config: Config): Promise<readonly Check[]> => {
  const found = await Promise.all(
    Object.entries(looks).map(async ([name, look]) => {
      try {
        return await look(config)
      } catch (error) {
        return missing(name, `could not be looked at: ${describeFault(error, { stack: false })}`, 'see what it says')
      }
    }),
  )
  return found.flat()
}

export interface DoctorOptions {
  readonly config: Config
  readonly output: Output
  readonly signal: AbortSignal
  /** A server elsewhere: this machine is none of its, and is not looked at. */
  readonly url: string | undefined
  readonly tokenFile: string | undefined
}

/**
 * Looks at what this machine has and lacks and, where a server runs, at each of its components; says what to do about
 * each fault, and fails when something needed is missing.
 * @throws UsageError for an address or a token that is none
 */
export const doctor = async ({ config, output, signal, url, tokenFile }: DoctorOptions): Promise<ExitCode> => {
  const isElsewhere = url !== undefined || config.remote.url !== undefined
  const [machine, server] = await Promise.all([
    isElsewhere ? null : lookAtMachine(config),
    askServer({ config, url, tokenFile, signal }),
  ])
  const isFit = [...(machine ?? []), ...(server?.checks ?? [])].every(({ status }) => status !== 'missing')
  output.json({ type: 'doctor', ok: isFit, checks: machine ?? [], server })
  if (!output.quiet) output.print(renderReport({ machine, server }, output.style, output.columns))
  return isFit ? exitCodes.ok : exitCodes.failed
}
