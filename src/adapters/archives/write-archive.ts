/** A tar.gz whose bytes are decided by the names, modes and contents in it, and by nothing else. */

import { pipeline, type Readable } from 'node:stream'
import { crc32, createDeflateRaw } from 'node:zlib'
import { type Pack, pack } from 'tar-stream'

export interface ArchivedFile {
  readonly path: string
  /** 100644, 100755, 100600 for what only its owner reads, or 120000 for a symbolic link, whose content is its target. */
  readonly mode: string
  /** Of the content, in bytes. */
  readonly size: number
  readonly content: AsyncIterable<Buffer>
}

const permissions: Readonly<Record<string, number>> = { '100755': 0o755, '100600': 0o600 }

/** The first time that every archive format can hold: what is built from the files may want to pack them again. */
const time = new Date('1980-01-01T00:00:00Z')

/** Deflate, no flags, no time, and an unknown system. */
const gzipHead = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff])

/** To compress so much takes longer than to hand it to another thread; in bytes. */
const pieceSize = 65_536

// While some pieces are compressed, others are read.
const compression = { level: 6, memLevel: 8, windowBits: 15, highWaterMark: 4 * pieceSize }

/**
 * Writes files, in their order, as a tar.gz, as fast as it is read. The tar in it is the same on every machine; its
 * compressed form is that of the zlib that Node brings along.
 * @throws what reading the files throws
 */
export async function* writeArchive(files: AsyncIterable<ArchivedFile>): AsyncGenerator<Buffer> {
  let checksum = 0
  let size = 0
  async function* counted() {
    for await (const piece of inPieces(tarOf(files))) {
      checksum = crc32(piece, checksum)
      size += piece.length
      yield piece
    }
  }
  yield gzipHead
  // The pipeline hands every fault on to the reader of its last stream.
  yield* pipeline(counted, createDeflateRaw(compression), () => undefined) as Readable as AsyncIterable<Buffer>
  const tail = Buffer.alloc(8)
  tail.writeUInt32LE(checksum, 0)
  tail.writeUInt32LE(size % 2 ** 32, 4)
  yield tail
}

/** The same bytes in pieces of one size, however they came: a small file comes in three. */
async function* inPieces(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let piece = Buffer.allocUnsafe(pieceSize)
  let filled = 0
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length; ) {
      const copied = chunk.copy(piece, filled, at)
      at += copied
      filled += copied
      if (filled < pieceSize) continue
      yield piece
      piece = Buffer.allocUnsafe(pieceSize)
      filled = 0
    }
  }
  if (filled > 0) yield piece.subarray(0, filled)
}

async function* tarOf(files: AsyncIterable<ArchivedFile>): AsyncGenerator<Buffer> {
  const tar = pack()
  const writing = fill(tar, files).catch((error: unknown) => {
    tar.destroy(error instanceof Error ? error : new Error(String(error)))
  })
  try {
    // tar-stream's packs are async iterables of bytes, which its types do not say.
    yield* tar as unknown as AsyncIterable<Buffer>
  } finally {
    tar.destroy()
    await writing
  }
}

async function fill(tar: Pack, files: AsyncIterable<ArchivedFile>): Promise<void> {
  for await (const file of files) {
    if (file.mode === '120000') await addLink(tar, file)
    else await addFile(tar, file)
    if (tar.destroyed) return
  }
  tar.finalize()
}

// When the whole archive has failed, so have its entries: the archive says why.
const ignore = () => undefined

async function addLink(tar: Pack, { path, content }: ArchivedFile): Promise<void> {
  const pieces: Buffer[] = []
  for await (const piece of content) pieces.push(piece)
  const linkname = Buffer.concat(pieces).toString('utf8')
  const entry = tar.entry({ name: path, type: 'symlink', linkname, mode: 0o777, mtime: time })
  entry.on('error', ignore)
  entry.end(null)
}

async function addFile(tar: Pack, { path, mode, size, content }: ArchivedFile): Promise<void> {
  const { promise: written, resolve, reject } = Promise.withResolvers<void>()
  const header = { name: path, size, type: 'file', mode: permissions[mode] ?? 0o644, mtime: time } as const
  const entry = tar.entry(header, (error) => (error ? reject(error) : resolve()))
  // Both are told where the entry is waited for.
  entry.on('error', ignore)
  written.catch(ignore)
  for await (const piece of content) {
    if (tar.destroyed) break
    if (!entry.write(piece)) await drained(entry)
  }
  entry.end(null)
  await written
}

function drained(entry: NodeJS.EventEmitter): Promise<void> {
  return new Promise((resolve) => {
    const resume = () => {
      entry.off('drain', resume)
      entry.off('close', resume)
      resolve()
    }
    entry.on('drain', resume)
    entry.on('close', resume)
  })
}
