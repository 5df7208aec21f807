import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))

it('without any key the live suite says that it is skipped, and does not fail', async () => {
  const argv = ['node_modules/vitest/vitest.mjs', 'run', '--config', 'vitest.live.config.ts']
  const { stdout } = await promisify(execFile)(process.execPath, argv, { cwd: root, env: { PATH: process.env.PATH } })
  expect(stdout).toContain('The live suite is skipped')
})
