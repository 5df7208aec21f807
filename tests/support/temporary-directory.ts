import { chmod, mkdtemp, readdir, readFile, rm, statfs } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { processStart } from '../../src/adapters/db/embedded-process.ts'

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
    // Containers often forbid to run what is there, and the commands of tests run what a workspace has.
    const mount = (await readFile('/proc/self/mounts', 'utf8'))
      .split('\n')
      .findLast((line) => line.includes(` ${memory} `))
    return bavail * bsize > 2 * 1024 ** 3 && !mount?.includes('noexec') ? memory : tmpdir()
  } catch {
    // No such file system here, as on macOS.
    return tmpdir()
  }
}

/**
 * Removes what runs left that were killed: directories whose names are the prefix, a run's process id and a hyphen.
 * Another user's stay: nobody else may remove them.
 */
export async function removeLeftovers(parent: string, prefix: string): Promise<void> {
  for (const name of await readdir(parent)) {
    if (!name.startsWith(prefix)) continue
    const run = Number(name.slice(prefix.length).split('-')[0])
    if ((await processStart(run)) !== null) continue
    await rm(join(parent, name), { recursive: true, force: true }).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EACCES' && error.code !== 'EPERM') throw error
    })
  }
}
