import { readdirSync, readFileSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { defaultLimits } from '../../src/adapters/sandbox/default-limits.ts'
import { removeTree } from '../../src/adapters/sandbox/remove-tree.ts'
import { createSandbox, type SandboxOptions } from '../../src/adapters/sandbox/select.ts'
import type { Sandbox, SandboxCommand, SandboxDriver, SandboxResult } from '../../src/domain/ports/sandbox.ts'

export const searchPath = process.env.PATH ?? ''
/** The engine and the image that this machine's own environment names. */
const dockerHere = { host: process.env.DOCKER_HOST, image: process.env.SANDBOX_IMAGE }

export interface Fixture extends AsyncDisposable {
  readonly sandbox: Sandbox
  /** A directory of the server's alone. */
  readonly privateDirectory: string
  readonly workspace: string
  run(argv: readonly string[], more?: Partial<SandboxCommand>): Promise<SandboxResult>
  python(code: string, more?: Partial<SandboxCommand>): Promise<SandboxResult>
}

/** A sandbox and a workspace of its own, both gone at the end. */
export async function createFixture(options: Partial<SandboxOptions> = {}): Promise<Fixture> {
  const privateDirectory = await mkdtemp(join(tmpdir(), 'countersign-test-'))
  const workspace = await mkdtemp(join(privateDirectory, 'work-'))
  const sandbox = await createSandbox({ driver: 'bubblewrap', searchPath, docker: dockerHere, ...options })
  const run: Fixture['run'] = (argv, more) => sandbox.run({ argv, workspace, limits: defaultLimits.standard, ...more })
  return {
    sandbox,
    privateDirectory,
    workspace,
    run,
    python: (code, more) => run(['python3', '-c', code], more),
    [Symbol.asyncDispose]: () => removeTree(privateDirectory),
  }
}

/** Why a driver cannot run commands here, or null. */
export async function reasonToSkip(driver: SandboxDriver = 'bubblewrap'): Promise<string | null> {
  if (driver === 'docker' && process.platform !== 'linux') return 'the processes of containers are not seen from here'
  const sandbox = await createSandbox({ driver, searchPath, docker: dockerHere })
  const availability = await sandbox.availability()
  return availability.available ? null : availability.reason
}

/** The host's processes whose command line has the marker. */
export function processesMarked(marker: string): readonly string[] {
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name) && commandLine(name).includes(marker))
}

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1')
  } catch {
    // It ended between the listing and the look.
    return ''
  }
}
