import { isUtf8 } from 'node:buffer'
import type { FileBlob, TreeEntry } from '../../domain/ports/git-store.ts'
import { sha256 } from '../../domain/shared/canonical-hash.ts'
import { builder } from '../builder.ts'
import { megabytes } from '../weight.ts'

export const TreeEntryRef = builder.objectRef<TreeEntry>('TreeEntry').implement({
  description: 'One entry of a directory.',
  fields: (t) => ({
    path: t.exposeString('path'),
    mode: t.exposeString('mode'),
    kind: t.exposeString('kind', { description: 'blob, tree or commit (a submodule).' }),
    objectId: t.exposeString('objectId'),
    size: t.exposeInt('size', { nullable: true, description: 'In bytes; null for what is not a file.' }),
  }),
})

const isBinary = (content: Buffer): boolean => content.includes(0) || !isUtf8(content)

export const FileContentRef = builder.objectRef<FileBlob>('FileContent').implement({
  description: 'A file with its content.',
  fields: (t) => ({
    path: t.exposeString('path'),
    objectId: t.exposeString('objectId'),
    sha256: t.string({ extensions: megabytes, resolve: (file) => sha256(file.content) }),
    size: t.int({ description: 'In bytes.', resolve: (file) => file.content.length }),
    isBinary: t.boolean({ resolve: (file) => isBinary(file.content) }),
    text: t.string({
      nullable: true,
      description: 'Null for a binary file.',
      extensions: megabytes,
      resolve: (file) => (isBinary(file.content) ? null : file.content.toString('utf8')),
    }),
  }),
})
