import { createReadStream, createWriteStream } from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { SourceRejectedError } from '../../domain/errors.ts'
import type { ArchiveStore } from '../../domain/shared/services.ts'

const maxBytes = 200 * 1024 * 1024

/** Keeps uploaded archives in a directory until their project is made of them. */
export const createArchiveStore = (directory: string): ArchiveStore => {
  const pathOf = (projectId: string) => join(directory, `${projectId}.tar`)
  const remove = (projectId: string) => rm(pathOf(projectId), { force: true })
  return {
    remove,
    async save(projectId, content) {
      await mkdir(directory, { recursive: true, mode: 0o700 })
      let size = 0
      const bounded = async function* () {
        for await (const chunk of content) {
          size += chunk.length
          if (size > maxBytes) throw new SourceRejectedError(`The archive is larger than ${maxBytes} bytes.`)
          yield chunk
        }
      }
      try {
        await pipeline(Readable.from(bounded()), createWriteStream(pathOf(projectId), { mode: 0o600 }))
      } catch (error) {
        await remove(projectId)
        throw error
      }
    },
    open: (projectId) => createReadStream(pathOf(projectId)),
  }
}
