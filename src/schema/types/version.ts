import { resolveCursorConnection } from '@pothos/plugin-relay'
import { fieldFault } from '../../domain/shared/validate.ts'
import type { ManifestEntry } from '../../domain/version/manifest.ts'
import { pageEntries } from '../../domain/version/page-entries.ts'
import type { VersionRow } from '../../domain/version/version.entity.ts'
import { builder } from '../builder.ts'
import { ManifestEntryConnection } from '../connections.ts'
import { found } from '../found.ts'
import { maxPageSize } from '../pages.ts'
import { formatPath, parsePath } from '../path-cursor.ts'
import { ActorRef, ManifestEntryRef, ProjectRef, VersionRef } from '../refs.ts'
import { visible } from '../visible.ts'
import { megabytes } from '../weight.ts'
import { FileContentRef } from './file.ts'

builder.objectType(ManifestEntryRef, {
  description: 'One file of a version.',
  fields: (t) => ({
    path: t.exposeString('path'),
    mode: t.exposeString('mode', {
      description: '100644, 100755, or 120000 for a symbolic link, whose content is its target.',
    }),
    sha256: t.exposeString('sha256', { description: 'Of the content, in lower-case hex.' }),
    size: t.exposeInt('size', { description: 'In bytes.' }),
  }),
})

const ManifestRef = builder.objectRef<VersionRow>('Manifest').implement({
  description: 'Every file of a version, sorted by path. The hash is over the sorted entries.',
  fields: (t) => ({
    hash: t.exposeString('manifestHash', {
      description:
        'SHA-256, in hex, over the entries sorted by the bytes of their paths, each written as `<mode> <sha256> <size>`, a tab, the path and a NUL. Submodules are left out.',
    }),
    fileCount: t.exposeInt('fileCount'),
    totalBytes: t.exposeFloat('totalBytes', { description: 'Of all files together.' }),
    entries: t.connection(
      {
        type: ManifestEntryRef,
        description: 'By path, compared byte by byte.',
        args: {
          prefix: t.arg.string({
            defaultValue: '',
            description: "What the path begins with: a directory's name with its slash, or a part of a name.",
          }),
        },
        resolve: (version, { prefix, ...args }, { services }) => {
          for (const name of ['first', 'last'] as const) {
            const size = args[name]
            if (size != null && (size < 0 || size > maxPageSize)) throw fieldFault(name, `must be 0 to ${maxPageSize}`)
          }
          return resolveCursorConnection(
            {
              args,
              defaultSize: 50,
              maxSize: maxPageSize,
              toCursor: (entry: unknown) => formatPath(entry as ManifestEntry),
            },
            async ({ after, before, limit, inverted }) =>
              await pageEntries(
                services,
                version,
                {
                  prefix: Buffer.from(prefix ?? ''),
                  after: parsePath('after', after),
                  before: parsePath('before', before),
                  order: inverted ? 'desc' : 'asc',
                },
                limit,
              ),
          )
        },
      },
      ManifestEntryConnection,
    ),
  }),
})

builder.node(VersionRef, {
  description: 'A snapshot of a workspace: a commit that is kept, with the hashes of its contents.',
  id: { resolve: (version) => version.id },
  loadOne: async (id, context) => {
    const version = await context.load.version.load(id)
    return visible(context, version, version?.projectId)
  },
  fields: (t) => ({
    project: t.field({
      type: ProjectRef,
      resolve: async (version, _, { load }) => found(await load.project.load(version.projectId)),
    }),
    commit: t.exposeString('commitOid', {
      description:
        "The commit that it is: the one that the revision named, or a commit without parents with an archive's files.",
    }),
    file: t.field({
      type: FileContentRef,
      nullable: true,
      extensions: megabytes,
      args: { path: t.arg.string({ required: true }) },
      resolve: (version, { path }, { services }) => services.git.readFile(version.projectId, version.tree, path),
    }),
    message: t.exposeString('message'),
    parent: t.field({
      type: VersionRef,
      nullable: true,
      description: "The project's newest version when this one was made.",
      resolve: (version, _, { load }) => (version.parentId === null ? null : load.version.load(version.parentId)),
    }),
    manifest: t.field({ type: ManifestRef, resolve: (version) => version }),
    archiveUrl: t.string({
      description:
        'Where its files are to be had as a tar.gz: a path on this server, such as `/versions/<id>.tar.gz`. Send the token as for GraphQL. The same content gives the same bytes, without a directory at the top; submodules are left out. The entity tag is the hash of the manifest.',
      resolve: (version) => `/versions/${version.id}.tar.gz`,
    }),
    createdBy: t.field({
      type: ActorRef,
      resolve: async (version, _, { load }) => found(await load.actor.load(version.createdById)),
    }),
    createdAt: t.field({ type: 'DateTime', resolve: (version) => version.createdAt }),
  }),
})
