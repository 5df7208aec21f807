import type { DiffFile, DiffRow } from '../../domain/diff/diff.entity.ts'
import { type Hunk, parseHunks } from '../../domain/diff/hunks.ts'
import { builder } from '../builder.ts'
import { ChangeKindEnum } from '../enums.ts'
import { megabytes, partOfMegabytes, partOfPartOfMegabytes } from '../weight.ts'
import { FileContentRef } from './file.ts'

interface IndexedHunk extends Hunk {
  readonly index: number
}

const HunkRef = builder.objectRef<IndexedHunk>('Hunk').implement({
  description: 'One connected change.',
  fields: (t) => ({
    index: t.exposeInt('index', { description: 'Counts from 0 over the whole diff.' }),
    header: t.exposeString('header'),
    oldStart: t.exposeInt('oldStart'),
    oldLines: t.exposeInt('oldLines'),
    newStart: t.exposeInt('newStart'),
    newLines: t.exposeInt('newLines'),
    text: t.exposeString('text', { extensions: partOfPartOfMegabytes }),
  }),
})

/** What the files of a diff, stored or not, are read from. */
type FileOwner = Pick<DiffRow, 'projectId' | 'baseTree' | 'resultTree' | 'files'> & {
  /** Null of what is not stored, on which nobody can have a mark. */
  readonly id: string | null
}

interface ShownFile extends DiffFile {
  readonly diff: FileOwner
  /** With their places in the diff; patches are taken apart where somebody asks for that. */
  readonly hunks: () => readonly IndexedHunk[]
}

/** The hunks of each file, counted over all. */
const countedHunks = (files: FileOwner['files']): readonly (readonly IndexedHunk[])[] => {
  let before = 0
  return files.map(({ patch }) => {
    const hunks = parseHunks(patch).map((hunk, index) => ({ ...hunk, index: before + index }))
    before += hunks.length
    return hunks
  })
}

/** A diff's files. */
export const shownFiles = (diff: FileOwner): readonly ShownFile[] => {
  let counted: ReturnType<typeof countedHunks> | undefined
  return diff.files.map((file, place) => ({
    ...file,
    diff,
    hunks() {
      counted ??= countedHunks(diff.files)
      return counted[place] ?? []
    },
  }))
}

export const FileChangeRef = builder.objectRef<ShownFile>('FileChange').implement({
  description: 'What happens to one file, read from the trees before and after.',
  fields: (t) => ({
    path: t.exposeString('path'),
    previousPath: t.exposeString('previousPath', { nullable: true, description: 'For a rename or copy.' }),
    kind: t.field({ type: ChangeKindEnum, resolve: (file) => file.kind }),
    isBinary: t.exposeBoolean('isBinary'),
    additions: t.exposeInt('additions'),
    deletions: t.exposeInt('deletions'),
    before: t.field({
      type: FileContentRef,
      nullable: true,
      extensions: megabytes,
      resolve: ({ diff, path, previousPath, kind }, _, { services }) =>
        kind === 'ADDED' ? null : services.git.readFile(diff.projectId, diff.baseTree, previousPath ?? path),
    }),
    after: t.field({
      type: FileContentRef,
      nullable: true,
      extensions: megabytes,
      resolve: ({ diff, path, kind }, _, { services }) =>
        kind === 'DELETED' ? null : services.git.readFile(diff.projectId, diff.resultTree, path),
    }),
    patch: t.exposeString('patch', { extensions: partOfMegabytes }),
    hunks: t.field({
      type: [HunkRef],
      resolve: (file) => [...file.hunks()],
    }),
    isTest: t.exposeBoolean('isTest', { description: 'A test, or what decides how tests run.' }),
    reviewedByViewer: t.boolean({
      description:
        'Whether the viewer has marked it as reviewed, here or in another iteration in which its change is the same.',
      resolve: async ({ diff: { id, baseTree }, ...file }, _, { load }) =>
        id !== null && (await load.isRead.load({ id, baseTree }))(file),
    }),
  }),
})
