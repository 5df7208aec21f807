import { mkdirSync } from 'node:fs'
import module from 'node:module'
import { join } from 'node:path'

/**
 * Has what Node compiles of the modules that are loaded from now on kept in the data directory, for the next start, where
 * it is not kept elsewhere already (`NODE_COMPILE_CACHE`). It is not kept in the directory for temporary files, which is
 * Node's own choice: who else may write there could have their code run. Older versions of Node keep nothing.
 */
export const keepCompiled = (dataDir: string): void => {
  if (typeof module.enableCompileCache !== 'function' || module.getCompileCacheDir() !== undefined) return
  const directory = join(dataDir, 'compiled')
  try {
    // Others may pass through the data directory, as the database's own user must.
    mkdirSync(dataDir, { recursive: true, mode: 0o711 })
    mkdirSync(directory, { recursive: true, mode: 0o700 })
  } catch {
    // Who cannot write there is told so by what needs to.
    return
  }
  module.enableCompileCache(directory)
}
