import { symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { rolldown } from 'rolldown'
import { bundling } from '../../scripts/bundle.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))

/**
 * Bundles the empty server as ours is: to find, read and compile the modules of its packages one by one would take time
 * and memory at each start, and ours does not do it either.
 * @param directory that is not there yet
 * @returns the script
 */
export const compileEmptyServer = async (directory: string): Promise<string> => {
  const input = { 'empty-server-process': fileURLToPath(new URL('empty-server-process.ts', import.meta.url)) }
  const bundler = await rolldown({ ...bundling.input, input })
  await bundler.write({ ...bundling.output, dir: directory })
  await bundler.close()
  await writeFile(join(directory, 'package.json'), `${JSON.stringify({ type: 'module' })}\n`)
  await symlink(join(root, 'node_modules'), join(directory, 'node_modules'))
  return join(directory, 'empty-server-process.js')
}
