import { readdirSync, readFileSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { defaultLimits } from '../../src/adapters/sandbox/default-limits.ts'
import { removeTree } from '../../src/adapters/sandbox/remove-tree.ts'
import { createSandbox, type SandboxOptions } from '../../src/adapters/sandbox/select.ts'
import type { Sandbox, SandboxCommand, SandboxResult } from '../../src/domain/ports/sandbox.ts'

export const searchPath = process.env.PATH ?? ''

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
  const sandbox = await createSandbox({ driver: 'bubblewrap', searchPath, ...options })
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

/** Why bubblewrap cannot run here, or null. */
export async function reasonToSkip(): Promise<string | null> {
  const sandbox = await createSandbox({ driver: 'bubblewrap', searchPath })
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
