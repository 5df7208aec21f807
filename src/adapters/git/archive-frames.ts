/**
 * Whether a tar is put together as it should be. Readers of tar disagree on what is odd in one, and then see other
 * files: whatever is odd is refused before the entries are looked at.
 */

import { SourceRejectedError } from '../../domain/errors.ts'

const block = 512

/** Headers about the next entry (x, L, K) or all of them (g) are small in earnest, and are held in memory. */
const longestExtension = 64 * 1024
const extensions = 'xgLK'

/** The kinds that have contents: files, and what is refused by name later. All others must have none. */
const kindsWithContents = '\u000007'

interface Frame {
  readonly name: string
  readonly kind: string
  readonly size: number
}

/**
 * Passes the bytes of a tar on.
 * @throws SourceRejectedError for sizes that are none or overridden, content where there can be none, sparse files,
 *   anything after the end, and for an archive that has no end
 */
export async function* checkedFrames(
  chunks: AsyncIterable<Uint8Array>,
  limits: { readonly fileBytes: number },
): AsyncGenerator<Uint8Array> {
  const header = Buffer.alloc(block)
  let filled = 0
  let left = 0
  let isExtension = false
  let extension: Uint8Array[] = []
  let hasEnded = false

  const readHeader = () => {
    if (header.every((byte) => byte === 0)) {
      hasEnded = true
      return
    }
    if (hasEnded) throw refusedArchive('it has data after its end')
    const frame = parseFrame(header)
    checkFrame(frame, limits.fileBytes)
    left = Math.ceil(frame.size / block) * block
    isExtension = 'xg'.includes(frame.kind)
    extension = []
  }

  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length; ) {
      if (left > 0) {
        const piece = chunk.subarray(at, at + left)
        if (isExtension) extension.push(piece)
        left -= piece.length
        at += piece.length
        if (left === 0 && isExtension) checkExtension(Buffer.concat(extension))
        continue
      }
      const piece = chunk.subarray(at, at + block - filled)
      header.set(piece, filled)
      filled += piece.length
      at += piece.length
      if (filled < block) break
      filled = 0
      readHeader()
    }
    yield chunk
  }
  if (left > 0 || filled > 0 || !hasEnded) throw refusedArchive('it is damaged or no tar archive (it breaks off)')
}

function parseFrame(header: Buffer): Frame {
  const name = header.toString('utf8', 0, 100).split('\0', 1)[0] ?? ''
  const kind = String.fromCharCode(header[156] ?? 0)
  const digits = header.toString('latin1', 124, 136)
  // Larger sizes can be written in other ways, which not all readers know; such files are not taken in any case.
  const [, octal] = digits.match(/^ *([0-7]*)[ \0]*$/) ?? []
  if (octal === undefined) {
    throw refusedArchive(`it is damaged or no tar archive (its entry ${JSON.stringify(name)} has no valid size)`)
  }
  return { name, kind, size: octal === '' ? 0 : Number.parseInt(octal, 8) }
}

function checkFrame({ name, kind, size }: Frame, fileBytes: number): void {
  const shown = JSON.stringify(name)
  if (extensions.includes(kind)) {
    if (size > longestExtension) throw refusedArchive(`its entry ${shown} is a header of ${size} bytes`)
    return
  }
  if (kind === 'S') throw refusedArchive(`its entry ${shown} is a sparse file`)
  if (size > fileBytes) throw refusedArchive(`its entry ${shown} has more than ${fileBytes} bytes`)
  const holdsContents = kindsWithContents.includes(kind) && !(kind !== '7' && name.endsWith('/'))
  if (size > 0 && !holdsContents) throw refusedArchive(`its entry ${shown} has a size and is no file`)
}

function checkExtension(records: Buffer): void {
  const text = records.toString('latin1')
  if (/(?:^|\n)\d+ size=/.test(text)) throw refusedArchive('an entry has two sizes')
  if (/(?:^|\n)\d+ GNU\.sparse\./.test(text)) throw refusedArchive('an entry is a sparse file')
}

export function refusedArchive(why: string): SourceRejectedError {
  return new SourceRejectedError(`The archive cannot be used: ${why}.`)
}
