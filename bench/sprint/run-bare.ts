import { deepStrictEqual } from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { RecordedGit } from './record-git.ts'
import { copyReferences, type RecordedSprint } from './record-sprint.ts'

/** A process to be run as it is, with nothing around it. */
interface BareProcess {
  readonly argv: readonly string[]
  readonly cwd: string
  readonly environment: Readonly<Record<string, string>>
  readonly stdin: Buffer
}

interface BareEnd {
  readonly exitCode: number | null
  readonly stdout: Buffer
  readonly ms: number
}

const runBare = async ({ argv: [program = '', ...rest], cwd, environment, stdin }: BareProcess): Promise<BareEnd> => {
  const begun = performance.now()
  const child = spawn(program, rest, { cwd, env: environment, stdio: ['pipe', 'pipe', 'pipe'] })
  const stdout: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk))
  child.stderr.resume()
  // One that needs no more of its input closes it.
  child.stdin.on('error', () => {})
  child.stdin.end(stdin)
  const [exitCode] = (await once(child, 'close')) as [number | null]
  return { exitCode, stdout: Buffer.concat(stdout), ms: performance.now() - begun }
}

const runGit = async (recorded: RecordedGit): Promise<BareEnd> => {
  if (recorded.files !== null) await cp(recorded.files, recorded.cwd, { recursive: true })
  try {
    return await runBare({ ...recorded, argv: ['git', ...recorded.argv] })
  } finally {
    if (recorded.files !== null) await rm(recorded.cwd, { recursive: true, force: true })
  }
}

export interface BarePlace {
  /** A directory for the copies. */
  readonly scratch: string
  /** In which the tests' interpreters are looked for. */
  readonly path: string
}

/**
 * Runs the test processes and git processes of a recorded sprint one after the other, each as it was, on copies of the
 * files that it had.
 * @returns the sum of the times from each one's start to its end
 * @throws AssertionError when one ends or answers otherwise than it did in the sprint
 */
export const runSprintBare = async (sprint: RecordedSprint, { scratch, path }: BarePlace): Promise<number> => {
  let ms = 0
  for (const [index, { command, files, exitCode }] of sprint.tests.entries()) {
    const cwd = join(scratch, `test-${index}`)
    await cp(files, cwd, { recursive: true })
    const environment = { PATH: path, HOME: cwd, LANG: 'C.UTF-8' }
    const end = await runBare({ argv: command, cwd, environment, stdin: Buffer.alloc(0) })
    deepStrictEqual(end.exitCode === 0, exitCode === 0, `${command.join(' ')} ends otherwise when it is run bare.`)
    ms += end.ms
    await rm(cwd, { recursive: true })
  }
  await copyReferences(sprint.references, sprint.repository)
  for (const recorded of sprint.git) {
    const end = await runGit(recorded)
    const { exitCode, stdout } = recorded
    const said = (given: Buffer) => given.toString('latin1')
    deepStrictEqual(
      { exitCode: end.exitCode, stdout: said(end.stdout) },
      { exitCode, stdout: said(stdout) },
      `git ${recorded.argv.join(' ')} answers otherwise when it is run again.`,
    )
    ms += end.ms
  }
  return ms
}

/** Makes the directory in which the copies are. */
export const openScratch = async (directory: string): Promise<string> => {
  const scratch = join(directory, 'bare')
  await mkdir(scratch, { recursive: true })
  return scratch
}
