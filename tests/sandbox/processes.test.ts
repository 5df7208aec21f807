import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { reasonToSkip } from './sandbox-fixture.ts'

const execute = promisify(execFile)
const skipReason = await reasonToSkip()

it.skipIf(skipReason !== null)(
  `a run takes three processes: bubblewrap, the sandbox’s first, and the command${skipReason ? ` (skipped: ${skipReason})` : ''}`,
  async () => {
    const asUser = process.getuid?.() === 0 ? [] : ['--user', '--map-current-user']
    const script = join(import.meta.dirname, '../support/sandbox-runs-process.ts')
    const options = [...asUser, '--pid', '--fork', '--mount-proc', process.execPath, script]
    const { perRun, detail, ...rest } = JSON.parse((await execute('unshare', options)).stdout)
    // Where there are no overlays, one more gives the copy to the commands' user.
    expect(perRun).toBeLessThanOrEqual(/overlaid/.test(detail) ? 3 : 4)
    expect(rest).toEqual({ leftOpen: 0, outputs: ['755 sandbox\n'] })
  },
)
