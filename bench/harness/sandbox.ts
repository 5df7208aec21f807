import { join } from 'node:path'
import { createSandbox } from '../../src/adapters/sandbox/select.ts'
import type { Sandbox } from '../../src/domain/ports/sandbox.ts'
import type { BenchContext } from './benchmark.ts'

/** The product's sandbox; null where nothing can be isolated, which is said: then there is nothing to compare. */
export const openSandbox = async ({
  directory,
  say,
}: Pick<BenchContext, 'directory' | 'say'>): Promise<Sandbox | null> => {
  const sandbox = await createSandbox({
    driver: 'auto',
    searchPath: process.env.PATH ?? '',
    scratch: join(directory, 'scratch-of-sandbox'),
  })
  const found = await sandbox.availability()
  if (found.available) return sandbox
  say(`there is no sandbox here, and so nothing to compare: ${found.reason} To fix it: ${found.remedy}`)
  return null
}
