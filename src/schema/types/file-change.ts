import type { DiffFile, DiffRow } from '../../domain/diff/diff.entity.ts'
import { type Hunk, parseHunks } from '../../domain/diff/hunks.ts'
import { builder } from '../builder.ts'
import { ChangeKindEnum } from '../enums.ts'
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
    text: t.exposeString('text'),
  }),
})

/** What the files of a diff, stored or not, are read from. */
type FileOwner = Pick<DiffRow, 'projectId' | 'baseTree' | 'resultTree' | 'files'> & {
  /** Null of what is not stored, on which nobody can have a mark. */
  readonly id: string | null
}

interface ShownFile extends DiffFile {
  readonly diff: FileOwner
  readonly hunksBefore: number
}

/** A diff's files with the place of each one's first hunk. */
export const shownFiles = (diff: FileOwner): readonly ShownFile[] => {
  let hunksBefore = 0
  return diff.files.map((file) => {
    const shown = { ...file, diff, hunksBefore }
    hunksBefore += parseHunks(file.patch).length
    return shown
  })
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
      resolve: ({ diff, path, previousPath, kind }, _, { services }) =>
        kind === 'ADDED' ? null : services.git.readFile(diff.projectId, diff.baseTree, previousPath ?? path),
    }),
    after: t.field({
      type: FileContentRef,
      nullable: true,
      resolve: ({ diff, path, kind }, _, { services }) =>
        kind === 'DELETED' ? null : services.git.readFile(diff.projectId, diff.resultTree, path),
    }),
    patch: t.exposeString('patch'),
    hunks: t.field({
      type: [HunkRef],
      resolve: (file) => parseHunks(file.patch).map((hunk, index) => ({ ...hunk, index: file.hunksBefore + index })),
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
