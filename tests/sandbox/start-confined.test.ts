import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

const execute = promisify(execFile)

it('a start for which the server has no descriptors left is refused in words, and leaves none open', async () => {
  const script = join(import.meta.dirname, '../support/without-descriptors-process.ts')
  const { stdout } = await execute('sh', ['-c', 'ulimit -n 100 && exec "$0" "$1"', process.execPath, script])
  expect(JSON.parse(stdout)).toEqual({ fault: expect.stringMatching(/^SandboxUnavailableError: .*ulimit -n/), left: 0 })
})
