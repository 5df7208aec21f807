/** git's objects as bytes: ids, trees and commits. */

import { createHash } from 'node:crypto'
import type { CommitInfo, CommitRequest, Signature } from '../../domain/ports/git-store.ts'

export type HashName = 'sha1' | 'sha256'
export type ObjectKind = 'blob' | 'tree' | 'commit' | 'tag'

export interface NewObject {
  readonly kind: ObjectKind
  readonly id: string
  readonly content: Buffer
}

export interface RawEntry {
  readonly name: string
  /** As it stands in the object: 100644, 100755, 120000, 160000 or 40000, and what old tools wrote. */
  readonly mode: string
  readonly id: string
}

export const treeMode = '40000'
export const linkMode = '120000'
export const submoduleMode = '160000'

export function isObjectId(text: string): boolean {
  return /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(text)
}

export function newObject(hash: HashName, kind: ObjectKind, content: Buffer): NewObject {
  const id = createHash(hash).update(`${kind} ${content.length}\0`).update(content).digest('hex')
  return { kind, id, content }
}

export function isTree(entry: RawEntry): boolean {
  return entry.mode === treeMode || entry.mode === '040000'
}

export function kindOfMode(mode: string): 'blob' | 'tree' | 'commit' {
  if (mode === treeMode || mode === '040000') return 'tree'
  return mode === submoduleMode ? 'commit' : 'blob'
}

/**
 * Names are byte strings (one character a byte), so that a name that is not UTF-8 goes through a rewrite unharmed.
 * @throws Error for an object that ends within an entry
 */
export function parseTree(content: Buffer, hash: HashName): RawEntry[] {
  const idBytes = hash === 'sha1' ? 20 : 32
  const entries: RawEntry[] = []
  let at = 0
  while (at < content.length) {
    const space = content.indexOf(0x20, at)
    const end = content.indexOf(0, space)
    if (space < 0 || end < 0 || end + 1 + idBytes > content.length) throw new Error('a tree object is cut short')
    entries.push({
      mode: content.toString('latin1', at, space),
      name: content.toString('latin1', space + 1, end),
      id: content.toString('hex', end + 1, end + 1 + idBytes),
    })
    at = end + 1 + idBytes
  }
  return entries
}

export function serialiseTree(entries: readonly RawEntry[]): Buffer {
  // git compares a directory as if its name ended with a slash.
  const keyed = entries.map((entry) => ({ entry, key: isTree(entry) ? `${entry.name}/` : entry.name }))
  keyed.sort((left, right) => (left.key < right.key ? -1 : left.key > right.key ? 1 : 0))
  const parts: Buffer[] = []
  for (const { entry } of keyed) {
    parts.push(Buffer.from(`${entry.mode} ${entry.name}\0`, 'latin1'), Buffer.from(entry.id, 'hex'))
  }
  return Buffer.concat(parts)
}

export function toByteName(name: string): string {
  return Buffer.from(name, 'utf8').toString('latin1')
}

export function fromByteName(name: string): string {
  return Buffer.from(name, 'latin1').toString('utf8')
}

/** @throws Error when the text is no commit */
export function parseCommit(oid: string, content: Buffer): CommitInfo {
  const text = content.toString('utf8')
  const blank = text.indexOf('\n\n')
  const headers = (blank < 0 ? text : text.slice(0, blank)).split('\n')
  const tree = headers[0]?.match(/^tree ([0-9a-f]+)$/)?.[1]
  const author = headers.find((line) => line.startsWith('author '))?.match(/^author (.*?) ?<([^>]*)> (-?\d+) [+-]\d+$/)
  if (tree === undefined || !author) throw new Error(`the commit ${oid} has no tree or author`)
  return {
    oid,
    tree,
    parents: headers.filter((line) => line.startsWith('parent ')).map((line) => line.slice('parent '.length)),
    message: blank < 0 ? '' : text.slice(blank + 2),
    authorName: author[1] ?? '',
    authorEmail: author[2] ?? '',
    authoredAt: new Date(Number(author[3]) * 1000),
  }
}

/** The same request gives the same bytes. @throws TypeError for ids that are none, a bad date, NUL in the message */
export function serialiseCommit(request: CommitRequest): Buffer {
  for (const id of [request.tree, ...request.parents]) {
    if (!isObjectId(id)) throw new TypeError('a commit names an object by what is no object id')
  }
  if (request.message.includes('\0')) throw new TypeError('a commit message has a NUL character')
  const message = request.message.endsWith('\n') ? request.message : `${request.message}\n`
  const lines = [
    `tree ${request.tree}`,
    ...request.parents.map((parent) => `parent ${parent}`),
    `author ${formatSignature(request.author)}`,
    `committer ${formatSignature(request.committer)}`,
  ]
  return Buffer.from(`${lines.join('\n')}\n\n${message}`)
}

/** As git writes it, in UTC. @throws TypeError for a date before 1970 or none at all */
export function formatSignature({ name, email, at }: Signature): string {
  const seconds = Math.floor(at.getTime() / 1000)
  if (!Number.isSafeInteger(seconds) || seconds < 0) throw new TypeError('a signature has no valid date')
  return `${cleanIdentity(name) || 'Unknown'} <${cleanIdentity(email).replaceAll(' ', '')}> ${seconds} +0000`
}

function cleanIdentity(text: string): string {
  // The characters that would end the field, and those that git itself cuts from both ends.
  return text.replace(/[\p{Cc}<>\u2028\u2029]+/gu, ' ').replace(/^[\s.,:;"'\\]+|[\s.,:;"'\\]+$/g, '')
}
