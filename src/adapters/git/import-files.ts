/** Files that we hold in memory as a project's first commit. */

import { SourceRejectedError } from '../../domain/errors.ts'
import { type FirstCommit, importStream, type StreamedFile } from './fast-import.ts'
import { createPathRegister } from './path-register.ts'
import type { Repository } from './repository.ts'

interface MemoryFile {
  readonly path: string
  readonly mode: '100644' | '100755'
  readonly content: Buffer
}

/** @throws SourceRejectedError for unsafe, duplicate or conflicting names */
export async function importFiles(
  repository: Repository,
  files: Iterable<MemoryFile>,
  commit: FirstCommit,
): Promise<string> {
  const register = createPathRegister((path, words) => new SourceRejectedError(`The file ${path} ${words}.`))
  function* streamed(): Generator<StreamedFile> {
    for (const { path, mode, content } of files) {
      register.add(path)
      yield { path, mode, size: content.length, content: [content] }
    }
    register.finish()
  }
  return await importStream(repository, streamed(), commit)
}
