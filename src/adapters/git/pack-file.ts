/** Objects as one pack with its index, as git's pack format (version 2 of both) has them. Whole objects, no deltas. */

import { createHash } from 'node:crypto'
import { promisify } from 'node:util'
import { crc32, deflate, deflateSync } from 'node:zlib'
import type { HashName, NewObject, ObjectKind } from './git-objects.ts'

interface PackFile {
  /** The name that git gives it: the hash of its content. */
  readonly name: string
  readonly pack: Buffer
  readonly index: Buffer
}

const packTypes: Record<ObjectKind, number> = { commit: 1, tree: 2, blob: 3, tag: 4 }

/** Above this the index would need its second table of offsets. */
const maxBytes = 2 ** 31 - 1

/** Up to here compressing takes less time than handing it to another thread; in bytes. */
const smallContent = 65_536

const deflateAside = promisify(deflate)

/** @throws RangeError for more than 2 GiB */
export async function packFile(hash: HashName, objects: readonly NewObject[]): Promise<PackFile> {
  const head = Buffer.alloc(12)
  head.write('PACK', 'latin1')
  head.writeUInt32BE(2, 4)
  head.writeUInt32BE(objects.length, 8)
  const parts: Buffer[] = [head]
  const entries: PackEntry[] = []
  let offset = head.length
  for (const { kind, id, content } of objects) {
    const entry = Buffer.concat([entryHead(packTypes[kind], content.length), await compress(content)])
    entries.push({ id, offset, checksum: crc32(entry) })
    parts.push(entry)
    offset += entry.length
  }
  if (offset > maxBytes) throw new RangeError('a pack may not have more than 2 GiB')
  const body = Buffer.concat(parts)
  const checksum = createHash(hash).update(body).digest()
  return {
    name: checksum.toString('hex'),
    pack: Buffer.concat([body, checksum]),
    index: indexOf(hash, entries, checksum),
  }
}

/** As git compresses what is not worth much time. */
export async function compress(content: Buffer): Promise<Buffer> {
  const options = { level: 1 }
  return content.length <= smallContent ? deflateSync(content, options) : await deflateAside(content, options)
}

interface PackEntry {
  readonly id: string
  readonly offset: number
  readonly checksum: number
}

function indexOf(hash: HashName, entries: readonly PackEntry[], packChecksum: Buffer): Buffer {
  const sorted = entries.toSorted((a, b) => (a.id < b.id ? -1 : 1))
  const counts = Array.from({ length: 256 }, () => 0)
  for (const { id } of sorted) {
    const first = Number.parseInt(id.slice(0, 2), 16)
    counts[first] = (counts[first] ?? 0) + 1
  }
  let total = 0
  const upTo = counts.map((count) => {
    total += count
    return total
  })
  const body = Buffer.concat([
    Buffer.from('\xfftOc', 'latin1'),
    words([2]),
    words(upTo),
    Buffer.from(sorted.map(({ id }) => id).join(''), 'hex'),
    words(sorted.map(({ checksum }) => checksum)),
    words(sorted.map(({ offset }) => offset)),
    packChecksum,
  ])
  return Buffer.concat([body, createHash(hash).update(body).digest()])
}

function words(values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4)
  for (const [index, value] of values.entries()) bytes.writeUInt32BE(value, index * 4)
  return bytes
}

/** Four bits of size beside the type, then seven a byte, lowest first. */
function entryHead(type: number, size: number): Buffer {
  const bytes: number[] = []
  let rest = Math.floor(size / 16)
  let byte = (type << 4) | (size & 0x0f)
  while (rest > 0) {
    bytes.push(byte | 0x80)
    byte = rest & 0x7f
    rest = Math.floor(rest / 128)
  }
  bytes.push(byte)
  return Buffer.from(bytes)
}
