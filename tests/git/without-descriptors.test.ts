import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { temporaryDirectory } from '../support/temporary-directory.ts'

test('a program for which the server has no descriptors left fails its one call in words, and the next one works', async () => {
  await using directory = await temporaryDirectory()
  const script = join(import.meta.dirname, '../support/git-without-descriptors-process.ts')
  const { stdout } = await promisify(execFile)('sh', [
    '-c',
    'ulimit -n 100 && exec "$0" "$1" "$2"',
    process.execPath,
    script,
    directory.path,
  ])
  const words = (program: string) => expect.stringMatching(`^Error: ${program} could not be started: .*ulimit -n`)
  expect(JSON.parse(stdout)).toEqual({
    faults: {
      git: words('git'),
      refs: words('git'),
      objects: words('git'),
      blobs: words('git'),
      python: words('python3'),
    },
    left: 0,
    closed: true,
    afterwards: expect.stringMatching(/^git version/),
  })
})
