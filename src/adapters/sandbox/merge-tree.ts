import { constants } from 'node:fs'
import { chmod, copyFile, lstat, mkdir, readdir, readlink, rm, symlink } from 'node:fs/promises'

/**
 * Copies a directory's entries over those of another, as an overlay would show them: directories merge, anything else
 * replaces what has its name. Links are copied as such and never followed, on neither side. Devices, sockets and pipes
 * are left out.
 * @param target nothing else may be writing in it
 */
export async function mergeTree(source: string | Buffer, target: string | Buffer): Promise<void> {
  const [from, to] = [Buffer.from(source), Buffer.from(target)]
  for (const entry of await readdir(from, { withFileTypes: true, encoding: 'buffer' })) {
    const [origin, place] = [below(from, entry.name), below(to, entry.name)]
    const existing = await lstat(place).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return null
      throw error
    })
    if (existing !== null && !(existing.isDirectory() && entry.isDirectory())) {
      await rm(place, { recursive: true })
    }
    if (entry.isDirectory()) {
      if (!existing?.isDirectory()) await mkdir(place)
      await mergeTree(origin, place)
      await chmod(place, (await lstat(origin)).mode & 0o777)
    } else if (entry.isSymbolicLink()) {
      await symlink(await readlink(origin, { encoding: 'buffer' }), place)
    } else if (entry.isFile()) {
      await copyFile(origin, place, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE)
    }
  }
}

/** Names are bytes: a file name need not be UTF-8. */
function below(directory: Buffer, name: Buffer): Buffer {
  return Buffer.concat([directory, Buffer.from('/'), name])
}
