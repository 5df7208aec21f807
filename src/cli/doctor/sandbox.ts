import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createSandbox } from '../../adapters/sandbox/select.ts'
import type { Config } from '../../config.ts'
import { type Check, limited, missing, ok } from './check.ts'

/** Beside the data directory, which need not be there yet. */
const scratch = join(tmpdir(), `countersign-doctor-${process.pid}`)

const sandboxOf = ({ searchPath, dataDir, docker }: Config, driver: Config['sandbox']) =>
  createSandbox({ driver, searchPath, docker, hidden: [dataDir], scratch })

/** Which sandbox the server would use, and whether it works. */
export const checkSandbox = async (config: Config): Promise<Check> => {
  const sandbox = await sandboxOf(config, config.sandbox)
  const found = await sandbox.availability()
  if (!found.available) {
    return missing('sandbox', `SANDBOX=${config.sandbox}: ${found.driver} cannot be used`, `see ${found.driver} below`)
  }
  return found.driver === 'none'
    ? limited('sandbox', found.detail, 'unset SANDBOX to isolate what models and tests run')
    : ok('sandbox', `SANDBOX=${config.sandbox}: ${found.driver} is used`)
}

export const checkBubblewrap = (config: Config): Promise<Check> => checkDriver(config, 'bubblewrap')
export const checkDocker = (config: Config): Promise<Check> => checkDriver(config, 'docker')

/** A driver that was asked for by name and is not to be had is a fault; of those that were not, one is enough. */
const checkDriver = async (config: Config, driver: 'bubblewrap' | 'docker'): Promise<Check> => {
  const sandbox = await sandboxOf(config, driver)
  const found = await sandbox.availability()
  if (found.available) return ok(driver, found.detail)
  if (config.sandbox === driver || (config.sandbox === 'auto' && driver === 'bubblewrap')) {
    return config.sandbox === 'auto'
      ? limited(driver, found.reason, found.remedy)
      : missing(driver, found.reason, found.remedy)
  }
  return ok(driver, `not used; ${found.reason} To have it: ${found.remedy}`)
}
