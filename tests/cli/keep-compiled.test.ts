import { execFile } from 'node:child_process'
import { readdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, inject, it } from 'vitest'
import { temporaryDirectory } from '../support/temporary-directory.ts'

const run = promisify(execFile)
const source = new URL('../../src/keep-compiled.ts', import.meta.url).href

/** Keeps what is compiled of one module, in a process of its own. */
const keepIn = (dataDir: string, environment: Readonly<Record<string, string>> = {}) =>
  run(
    process.execPath,
    [
      ...['--input-type=module', '--eval'],
      `const { keepCompiled } = await import(${JSON.stringify(source)})
       keepCompiled(${JSON.stringify(dataDir)})
       await import(${JSON.stringify(new URL('../../src/jobs/job.ts', import.meta.url).href)})`,
    ],
    { env: { PATH: process.env.PATH, ...environment } },
  )

const mode = async (path: string) => (await stat(path)).mode & 0o777

it('what was compiled is kept in the data directory, where nobody else can put anything', async () => {
  await using files = await temporaryDirectory(inject('files'))
  const dataDir = join(files.path, 'data')
  await keepIn(dataDir)
  expect(await readdir(dataDir)).toEqual(['compiled'])
  expect(await readdir(join(dataDir, 'compiled'), { recursive: true })).not.toEqual([])
  expect(await mode(join(dataDir, 'compiled'))).toBe(0o700)
  // As the start itself makes it.
  expect(await mode(dataDir)).toBe(0o711)
})

it('what is kept elsewhere is kept there alone, and a directory that cannot be made stops nothing', async () => {
  await using files = await temporaryDirectory(inject('files'))
  await keepIn(join(files.path, 'data'), { NODE_COMPILE_CACHE: join(files.path, 'elsewhere') })
  expect(await readdir(files.path)).toEqual(['elsewhere'])
  await writeFile(join(files.path, 'file'), '')
  await keepIn(join(files.path, 'file', 'data'))
})
