/** Puts any number of new objects into a repository with one process, checked by git as it would check a stranger's. */

import { createHash } from 'node:crypto'
import { promisify } from 'node:util'
import { deflate, deflateSync } from 'node:zlib'
import type { HashName, NewObject, ObjectKind } from './git-objects.ts'
import type { Repository } from './repository.ts'

const packTypes: Record<ObjectKind, number> = { commit: 1, tree: 2, blob: 3, tag: 4 }

/** Above this the objects stay together as a pack; below they become loose files. */
const looseLimit = 500

/** Up to here compressing takes less time than handing it to another thread; in bytes. */
const smallContent = 65_536

const deflateAside = promisify(deflate)

/**
 * `--strict` makes git refuse malformed objects, names such as `.git`, and links to objects that are not there.
 * @throws GitCommandError
 */
export async function writeObjects(repository: Repository, objects: readonly NewObject[]): Promise<void> {
  const unique = [...new Map(objects.map((object) => [object.id, object])).values()]
  if (unique.length === 0) return
  await repository.git({
    args: unique.length > looseLimit ? ['index-pack', '--stdin', '--strict'] : ['unpack-objects', '-q', '--strict'],
    stdin: await packOf(repository.hash, unique),
  })
}

async function packOf(hash: HashName, objects: readonly NewObject[]): Promise<Buffer> {
  const head = Buffer.alloc(12)
  head.write('PACK', 'latin1')
  head.writeUInt32BE(2, 4)
  head.writeUInt32BE(objects.length, 8)
  const parts: Buffer[] = [head]
  for (const object of objects) {
    parts.push(entryHead(packTypes[object.kind], object.content.length), await compress(object.content))
  }
  const body = Buffer.concat(parts)
  return Buffer.concat([body, createHash(hash).update(body).digest()])
}

async function compress(content: Buffer): Promise<Buffer> {
  const options = { level: 1 }
  return content.length <= smallContent ? deflateSync(content, options) : await deflateAside(content, options)
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
