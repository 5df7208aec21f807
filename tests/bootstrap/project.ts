import { type SpawnOptions, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, cp, mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { temporaryDirectory } from '../support/temporary-directory.ts'

export interface Outcome {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface BootstrapProject extends AsyncDisposable {
  readonly root: string
  /** Runs scripts/bootstrap.mjs with only the project's programs on PATH. */
  bootstrap(...args: string[]): Promise<Outcome>
  /** Puts a program on PATH; it is a shell script that first notes how it was called. */
  program(name: string, script?: string): Promise<void>
  /** The calls of these programs so far, in order, each in one line. */
  calls(): Promise<string[]>
  writeLock(packages: Record<string, object>): Promise<void>
  /** Makes node_modules as npm leaves it, for the lock as it is now. */
  install(): Promise<void>
}

// As npm does it: what is in the lock is there afterwards, and install scripts bring node.
const fakeNpm = `
case "$1" in
  ci) rm -rf node_modules; mkdir -p node_modules/node; cp package-lock.json node_modules/.package-lock.json ;;
  rebuild) mkdir -p node_modules/.bin; ln -sf "$PROJECT_NODE" node_modules/.bin/node ;;
esac`

export const lockedPackages = {
  '': {},
  'node_modules/node': { version: '24.21.0' },
  'node_modules/other-platform': { version: '1.0.0', optional: true },
}

/** A small project with the real scripts/bootstrap.mjs and stand-ins for the programs that it calls. */
export async function bootstrapProject(): Promise<BootstrapProject> {
  const scratch = await temporaryDirectory()
  const root = join(scratch.path, 'project')
  const programs = join(scratch.path, 'programs')
  const callsFile = join(scratch.path, 'calls')
  await mkdir(programs)
  await writeFile(callsFile, '')
  await cp(fileURLToPath(new URL('../../scripts', import.meta.url)), join(root, 'scripts'), { recursive: true })
  const manifest = {
    devDependencies: { node: '24.21.0' },
    allowScripts: { node: true, 'absent-here@1.0.0': true, refused: false },
  }
  await writeFile(join(root, 'package.json'), JSON.stringify(manifest))
  for (const name of ['rm', 'mkdir', 'cp', 'ln', 'sleep']) {
    await symlink(`/bin/${name}`, join(programs, name))
  }

  const program = async (name: string, script = '') => {
    const file = join(programs, name)
    await writeFile(file, `#!/bin/sh\necho "${name} $*" >> '${callsFile}'\n${script}\n`)
    await chmod(file, 0o755)
  }
  await program('npm', fakeNpm)
  await program('git', 'echo git version 2.39.5')
  for (const name of ['python3', 'bwrap']) await program(name)

  const run = async (args: readonly string[], options: SpawnOptions = {}) => {
    const child = spawn(process.execPath, args, { cwd: root, ...options, stdio: ['ignore', 'pipe', 'pipe'] })
    const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')])
    return { code: child.exitCode, stdout, stderr }
  }
  const writeLock = async (packages: Record<string, object>) =>
    await writeFile(join(root, 'package-lock.json'), JSON.stringify({ packages }))
  await writeLock(lockedPackages)
  return {
    root,
    program,
    writeLock,
    bootstrap: (...args) =>
      run(['scripts/bootstrap.mjs', ...args], { env: { PATH: programs, PROJECT_NODE: process.execPath } }),
    calls: async () => (await readFile(callsFile, 'utf8')).split('\n').filter((line) => line !== ''),
    install: async () => {
      await mkdir(join(root, 'node_modules', '.bin'), { recursive: true })
      await mkdir(join(root, 'node_modules', 'node'), { recursive: true })
      await cp(join(root, 'package-lock.json'), join(root, 'node_modules', '.package-lock.json'))
      await symlink(process.execPath, join(root, 'node_modules', '.bin', 'node'))
    },
    [Symbol.asyncDispose]: () => scratch[Symbol.asyncDispose](),
  }
}
