import { execFile } from 'node:child_process'
import { chmod, mkdir, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import type { Sandbox, SandboxCommand } from '../../src/domain/ports/sandbox.ts'
import type { Services } from '../../src/domain/shared/services.ts'
import { supervised } from '../../src/domain/testing/runners/supervised.ts'

/** One test as it was run: by which command of the project, on which files, and how that ended. */
export interface RecordedTest {
  readonly command: readonly string[]
  /** A directory with the tested tree. */
  readonly files: string
  readonly exitCode: number | null
}

const run = promisify(execFile)

/**
 * The project's own command in one that a process of ours watches over: the bare one has nobody who does.
 * @throws Error for a command that is watched over in another way
 */
const unwatched = (argv: readonly string[]): readonly string[] => {
  const at = argv.indexOf('-c')
  if (at < 0) return argv
  const [, , mark, runner = '', , ...rest] = argv.slice(at)
  const command = [...argv.slice(0, at), '-m', runner, ...rest]
  const again = supervised(command)
  const isSame =
    again?.argv.length === argv.length && again.argv.every((word, i) => word === argv[i] || argv[i] === mark)
  if (!isSame) throw new Error(`It is not known what was tested by ${argv.join(' ').slice(0, 200)}.`)
  return command
}

/** The files that a command would see, where they stay. */
const keepFiles = async ({ workspace }: SandboxCommand, directory: string): Promise<void> => {
  await mkdir(directory, { recursive: true })
  // The shared files are closed against writing.
  if (workspace.base !== null) await run('cp', ['-r', '--no-preserve=mode', `${workspace.base}/.`, directory])
  for (const { path, content, isExecutable } of workspace.changes) {
    const place = join(directory, path)
    if (content === null) {
      await rm(place, { recursive: true, force: true })
      continue
    }
    await mkdir(dirname(place), { recursive: true })
    await writeFile(place, content)
    if (isExecutable) await chmod(place, 0o755)
  }
}

/** From now on each test that these services run is written down. @param directory where the tested files are kept */
export const recordTests = (services: Services, directory: string): readonly RecordedTest[] => {
  const { sandbox } = services
  const recorded: RecordedTest[] = []
  let begun = 0
  const recording: Sandbox = {
    ...sandbox,
    async run(command) {
      begun += 1
      const files = join(directory, String(begun))
      await keepFiles(command, files)
      const result = await sandbox.run(command)
      recorded.push({ command: unwatched(command.argv), files, exitCode: result.exitCode })
      return result
    },
  }
  // Whoever runs a test asks the services for the sandbox each time.
  Object.assign(services, { sandbox: recording })
  return recorded
}
