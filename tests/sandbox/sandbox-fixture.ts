import { readdirSync, readFileSync } from 'node:fs'
import { lchown, mkdir, mkdtemp, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { commandUser } from '../../src/adapters/sandbox/command-user.ts'
import { defaultLimits } from '../../src/adapters/sandbox/default-limits.ts'
import { removeTree } from '../../src/adapters/sandbox/remove-tree.ts'
import { createSandbox, type SandboxOptions } from '../../src/adapters/sandbox/select.ts'
import type {
  Sandbox,
  SandboxCommand,
  SandboxDriver,
  SandboxResult,
  SandboxWorkspace,
} from '../../src/domain/ports/sandbox.ts'

export const searchPath = process.env.PATH ?? ''
/** The engine and the image that this machine's own environment names. */
const dockerHere = { host: process.env.DOCKER_HOST, image: process.env.SANDBOX_IMAGE }

export const emptyWorkspace: SandboxWorkspace = { base: null, changes: [] }

export interface Fixture extends AsyncDisposable {
  readonly sandbox: Sandbox
  /** A directory of the server's alone. */
  readonly privateDirectory: string
  /** Where the server puts what lives as long as a run. */
  readonly scratch: string
  /** In an empty workspace, unless it is said otherwise. */
  run(argv: readonly string[], more?: Partial<SandboxCommand>): Promise<SandboxResult>
  python(code: string, more?: Partial<SandboxCommand>): Promise<SandboxResult>
  /** A directory of files as a checkout is one: by path their text, or a link's target after `->`. */
  base(files: Readonly<Record<string, string>>): Promise<string>
}

/** A sandbox with directories of its own, gone at the end. */
export async function createFixture(options: Partial<SandboxOptions> = {}): Promise<Fixture> {
  const privateDirectory = await mkdtemp(join(tmpdir(), 'countersign-test-'))
  const scratch = join(privateDirectory, 'scratch')
  const sandbox = await createSandbox({ driver: 'bubblewrap', searchPath, docker: dockerHere, scratch, ...options })
  const run: Fixture['run'] = (argv, more) =>
    sandbox.run({ argv, workspace: emptyWorkspace, limits: defaultLimits.standard, ...more })
  return {
    sandbox,
    privateDirectory,
    scratch,
    run,
    python: (code, more) => run(['python3', '-c', code], more),
    async base(files) {
      const directory = await mkdtemp(join(privateDirectory, 'base-'))
      const made = new Set(['.'])
      for (const [path, content] of Object.entries(files)) {
        const place = join(directory, path)
        await mkdir(dirname(place), { recursive: true })
        if (content.startsWith('->')) await symlink(content.slice(2), place)
        else await writeFile(place, content)
        for (let name = path; name !== '.'; name = dirname(name)) made.add(name)
      }
      // As the server does with a checkout; by name, since a walk would follow the links.
      const user = commandUser()
      if (user !== null) for (const name of made) await lchown(join(directory, name), user.uid, user.gid)
      return directory
    },
    [Symbol.asyncDispose]: () => removeTree(privateDirectory),
  }
}

/** Why a driver cannot run commands here, or null. */
export async function reasonToSkip(driver: SandboxDriver = 'bubblewrap'): Promise<string | null> {
  if (driver === 'docker' && process.platform !== 'linux') return 'the processes of containers are not seen from here'
  await using fixture = await createFixture({ driver })
  const availability = await fixture.sandbox.availability()
  return availability.available ? null : availability.reason
}

/** The host's processes whose command line has the marker. */
export function processesMarked(marker: string): readonly string[] {
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name) && commandLine(name).includes(marker))
}

/** Waits until a command has started a process with the marker: from inside, nothing else is seen on the host. */
export async function processAppears(marker: string): Promise<void> {
  const deadline = AbortSignal.timeout(20_000)
  while (processesMarked(marker).length === 0) await pause(10, undefined, { signal: deadline })
}

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1')
  } catch {
    // It ended between the listing and the look.
    return ''
  }
}
