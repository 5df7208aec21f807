/**
 * Notes as a tree: a file for each commit, named by its id, in directories of two digits where there are many. git reads
 * any such tree, whatever the depth.
 */

import { isTree, kindOfMode, type NewObject, newObject, type RawEntry, serialiseTree, treeMode } from './git-objects.ts'
import { type Repository, readTree } from './repository.ts'

/** Of a commit and of the blob that is its note. */
export interface NoteEntry {
  readonly commit: string
  readonly blob: string
}

/** A directory with more notes than this gives them to directories below: what is written for one more stays small. */
const mostInDirectory = 256

const fileMode = '100644'
const hexPair = /^[0-9a-f]{2}$/
const hex = /^[0-9a-f]+$/

interface PlacedNote {
  /** What of the commit's id is not in the directories above. */
  readonly rest: string
  readonly blob: string
}

type ReadTree = (id: string) => Promise<readonly RawEntry[]>

/** Reads each tree once. */
export function rememberTrees(repository: Repository): ReadTree {
  const known = new Map<string, Promise<readonly RawEntry[]>>()
  return (id) => {
    const tree = known.get(id) ?? readTree(repository, id)
    known.set(id, tree)
    return tree
  }
}

/** The blob that is a commit's note; null when it has none. @throws MissingObjectError */
export async function findNote(read: ReadTree, tree: string, commit: string): Promise<string | null> {
  let rest = commit
  for (let place: string | undefined = tree; place !== undefined && rest.length > 2; ) {
    const entries = await read(place)
    const note = entries.find((entry) => entry.name === rest && kindOfMode(entry.mode) === 'blob')
    if (note) return note.id
    place = entries.find((entry) => entry.name === rest.slice(0, 2) && isTree(entry))?.id
    rest = rest.slice(2)
  }
  return null
}

/**
 * A tree with these notes in it, in the place of others for the same commits; only directories on the way are read.
 * @returns the tree's id and the objects to be written for it
 * @throws MissingObjectError
 */
export async function insertNotes(
  repository: Repository,
  tree: string | null,
  notes: readonly NoteEntry[],
): Promise<{ readonly tree: string; readonly objects: readonly NewObject[] }> {
  const objects: NewObject[] = []
  const placed = notes.map(({ commit, blob }) => ({ rest: commit, blob }))
  return { tree: await insertInto(repository, tree, placed, objects), objects }
}

async function insertInto(
  repository: Repository,
  tree: string | null,
  notes: readonly PlacedNote[],
  objects: NewObject[],
): Promise<string> {
  const entries = new Map<string, RawEntry>()
  if (tree !== null) for (const entry of await readTree(repository, tree)) entries.set(entry.name, entry)
  const here = new Map(notes.map((note) => [note.rest, note]))
  const length = notes[0]?.rest.length ?? 0
  const stays = [...entries.values()].filter((entry) => isNote(entry, length) && !here.has(entry.name))
  const isSpread = stays.length + here.size > mostInDirectory
  for (const { rest } of notes) entries.delete(rest)
  if (isSpread) {
    for (const { name, id } of stays) {
      entries.delete(name)
      here.set(name, { rest: name, blob: id })
    }
  }
  const below = new Map<string, PlacedNote[]>()
  for (const { rest, blob } of here.values()) {
    const prefix = rest.slice(0, 2)
    const directory = entries.get(prefix)
    if (isSpread || (directory && isTree(directory))) {
      const inner = below.get(prefix) ?? []
      inner.push({ rest: rest.slice(2), blob })
      below.set(prefix, inner)
    } else entries.set(rest, { name: rest, mode: fileMode, id: blob })
  }
  for (const [name, inner] of below) {
    const directory = entries.get(name)
    const existing = directory && isTree(directory) ? directory.id : null
    entries.set(name, { name, mode: treeMode, id: await insertInto(repository, existing, inner, objects) })
  }
  const object = newObject(repository.hash, 'tree', serialiseTree([...entries.values()]))
  if (object.id !== tree) objects.push(object)
  return object.id
}

const isNote = (entry: RawEntry, length: number): boolean =>
  entry.name.length === length && hex.test(entry.name) && kindOfMode(entry.mode) === 'blob'

/**
 * Every note of a tree that somebody else made; what is no note is passed over.
 * @throws RangeError when it has more than `most` notes or directories
 */
export async function* listNotes(
  repository: Repository,
  tree: string,
  most: number,
): AsyncGenerator<NoteEntry, void, undefined> {
  const idLength = repository.hash === 'sha1' ? 40 : 64
  const open = [{ prefix: '', id: tree }]
  let seen = 0
  for (let place = open.pop(); place !== undefined; place = open.pop()) {
    for (const entry of await readTree(repository, place.id)) {
      seen += 1
      if (seen > most) throw new RangeError(`there are more than ${most} notes`)
      const commit = `${place.prefix}${entry.name}`
      if (isTree(entry)) {
        if (hexPair.test(entry.name) && commit.length < idLength - 1) open.push({ prefix: commit, id: entry.id })
      } else if (commit.length === idLength && hex.test(commit) && kindOfMode(entry.mode) === 'blob') {
        yield { commit, blob: entry.id }
      }
    }
  }
}
