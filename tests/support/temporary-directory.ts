import { chmod, mkdtemp, rm, statfs } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface TemporaryDirectory extends AsyncDisposable {
  readonly path: string
}

/** A directory that every user can pass through, removed with all that is in it when disposed of. */
export async function temporaryDirectory(parent = tmpdir(), prefix = 'countersign-test-'): Promise<TemporaryDirectory> {
  const path = await mkdtemp(join(parent, prefix))
  await chmod(path, 0o755)
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true, maxRetries: 3 }) }
}

/**
 * A parent for temporary files that need not survive: in memory where there is room for gigabytes (a database is
 * cloned there in a twentieth of the time), else the usual one.
 */
export async function fastParent(): Promise<string> {
  const memory = '/dev/shm'
  try {
    const { bavail, bsize } = await statfs(memory)
    return bavail * bsize > 2 * 1024 ** 3 ? memory : tmpdir()
  } catch {
    // No such file system here, as on macOS.
    return tmpdir()
  }
}
