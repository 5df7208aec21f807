/** An uploaded tar or tar.gz as a project's first commit, streamed from the upload into the pack. */

import { pipeline, Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { type Extract, extract, type Header } from 'tar-stream'
import { SourceRejectedError } from '../../domain/errors.ts'
import { checkedFrames, refusedArchive } from './archive-frames.ts'
import { type FirstCommit, importStream, type StreamedFile } from './fast-import.ts'
import { pathFault } from './patch-paths.ts'
import { createPathRegister, type PathRegister } from './path-register.ts'
import type { Repository } from './repository.ts'

interface ArchiveLimits {
  readonly unpackedBytes: number
  readonly files: number
}

const archiveLimits: ArchiveLimits = { unpackedBytes: 200 * 1024 * 1024, files: 50_000 }

/** A tar's own headers and padding, for each file. */
const headerBytes = 2048

/** @throws SourceRejectedError, naming the entry; whatever reading the upload throws */
export async function importArchive(
  repository: Repository,
  archive: AsyncIterable<Uint8Array>,
  commit: FirstCommit,
  limits: ArchiveLimits = archiveLimits,
): Promise<string> {
  const upload: Upload = { fault: undefined }
  const register = createPathRegister((path, words) => refusedArchive(`its entry ${path} ${words}`), { isNew: true })
  const tops = new Set<string>()
  const source = Readable.from(watched(archive, upload))
  try {
    return await importStream(repository, entries(source, register, tops, limits), commit, (path) =>
      strippedPath(path, register, tops),
    )
  } catch (error) {
    if (upload.fault !== undefined) throw upload.fault
    throw error
  } finally {
    source.destroy()
  }
}

interface Upload {
  fault: unknown
}

/** Notes what reading the upload throws, and not what is thrown into it when its reader has had enough. */
async function* watched(archive: AsyncIterable<Uint8Array>, upload: Upload): AsyncGenerator<Uint8Array> {
  const chunks = archive[Symbol.asyncIterator]()
  const next = async () => {
    try {
      return await chunks.next()
    } catch (error) {
      upload.fault = error
      throw error
    }
  }
  try {
    for (let chunk = await next(); !chunk.done; chunk = await next()) yield chunk.value
  } finally {
    await chunks.return?.()
  }
}

async function* entries(
  source: Readable,
  register: PathRegister,
  tops: Set<string>,
  limits: ArchiveLimits,
): AsyncGenerator<StreamedFile> {
  const tar = extract()
  const feeding = feed(source, tar, limits).catch((error: unknown) => {
    tar.destroy(error instanceof Error ? error : new Error(String(error)))
  })
  try {
    for await (const entry of tar) {
      const path = pathOf(entry.header)
      if (!isFile(entry.header, path)) {
        noteDirectory(path, tops)
        if (path !== '') register.addDirectory(path)
        entry.resume()
        continue
      }
      register.add(path)
      noteFile(path, tops)
      if (register.paths.size > limits.files) throw refusedArchive(`it has more than ${limits.files} files`)
      const mode = ((entry.header.mode ?? 0) & 0o100) === 0 ? '100644' : '100755'
      yield { path, mode, size: entry.header.size ?? 0, content: piecesOf(entry) }
    }
  } catch (error) {
    throw damaged(error)
  } finally {
    tar.destroy()
    source.destroy()
    await feeding
  }
  if (register.paths.size === 0) throw refusedArchive('it holds no files')
  register.finish()
}

/** A file's bytes; the archive may break off in the middle of them. */
async function* piecesOf(entry: object): AsyncGenerator<Uint8Array> {
  try {
    // tar-stream's entries are async iterables of bytes, which its types do not say.
    yield* entry as AsyncIterable<Uint8Array>
  } catch (error) {
    throw damaged(error)
  }
}

function damaged(error: unknown): SourceRejectedError {
  if (error instanceof SourceRejectedError) return error
  return refusedArchive(`it is damaged or no tar archive (${error instanceof Error ? error.message : error})`)
}

/** Unpacks what is gzipped, counts what comes out, and waits for the reader. */
async function feed(source: Readable, tar: Extract, limits: ArchiveLimits): Promise<void> {
  const most = limits.unpackedBytes + limits.files * headerBytes
  let unpacked = 0
  for await (const chunk of checkedFrames(await unzipped(source), { fileBytes: limits.unpackedBytes })) {
    unpacked += chunk.length
    if (unpacked > most) throw refusedArchive(`it has more than ${limits.unpackedBytes} bytes when unpacked`)
    if (tar.destroyed) return
    if (!tar.write(chunk)) {
      await new Promise<void>((resolve) => {
        const resume = () => {
          tar.off('drain', resume)
          tar.off('close', resume)
          resolve()
        }
        tar.on('drain', resume)
        tar.on('close', resume)
      })
    }
  }
  tar.end(null)
}

async function unzipped(source: Readable): Promise<AsyncIterable<Uint8Array>> {
  const chunks: AsyncIterator<Uint8Array> = source[Symbol.asyncIterator]()
  let head = Buffer.alloc(0)
  while (head.length < 2) {
    const next = await chunks.next()
    if (next.done) break
    head = Buffer.concat([head, next.value])
  }
  const whole = startingWith(head, chunks)
  if (head[0] !== 0x1f || head[1] !== 0x8b) return whole
  // The pipeline hands every fault on to the reader of its last stream.
  return pipeline(Readable.from(whole), createGunzip(), () => undefined)
}

async function* startingWith(head: Uint8Array, rest: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield head
  yield* { [Symbol.asyncIterator]: () => rest }
}

/** Empty for the archive's own root. */
function pathOf({ name }: Header): string {
  const path = name.replace(/^(?:\.\/+)+/, '').replace(/\/+$/, '')
  return path === '.' ? '' : path
}

/** False for a directory. @throws SourceRejectedError for anything else that is no plain file */
function isFile({ name, type }: Header, path: string): boolean {
  if (type === 'directory' && path === '') return false
  if (type === 'directory' || type === 'file' || type === 'contiguous-file') {
    const fault = pathFault(path, true)
    if (fault) throw refusedArchive(`its entry ${JSON.stringify(name.slice(0, 300))} ${fault.words}`)
    return type !== 'directory'
  }
  const kind = type == null ? 'of an unknown kind' : `a ${type === 'link' ? 'hard link' : type}`
  const shown = JSON.stringify(name.slice(0, 300))
  throw refusedArchive(`its entry ${shown} is ${kind}, and only files and directories are taken`)
}

/** An archive that names its own root was packed from within: nothing is stripped. */
function noteDirectory(path: string, tops: Set<string>): void {
  tops.add(path.split('/', 1)[0] ?? '')
}

/** A file at the top is marked by an empty name, so that nothing is stripped. */
function noteFile(path: string, tops: Set<string>): void {
  tops.add(path.includes('/') ? (path.split('/', 1)[0] ?? '') : '')
}

function strippedPath(path: string, register: PathRegister, tops: ReadonlySet<string>): string {
  if (tops.size !== 1 || tops.has('')) return path
  const stripped = path.slice(path.indexOf('/') + 1)
  const fault = pathFault(stripped, true)
  if (fault || !register.paths.has(path))
    throw refusedArchive(`its entry ${JSON.stringify(path)} ${fault?.words ?? 'is unknown'}`)
  return stripped
}
