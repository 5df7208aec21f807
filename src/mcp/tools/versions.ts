import { z } from 'zod'
import { globalId } from '../../domain/shared/global-id.ts'
import { createVersion } from '../../domain/version/create-version.ts'
import { pageEntries } from '../../domain/version/page-entries.ts'
import type { VersionRow } from '../../domain/version/version.entity.ts'
import { localId } from '../../schema/ids.ts'
import { formatPath, parsePath } from '../../schema/path-cursor.ts'
import { nextCursor, pageInput } from '../page-shape.ts'
import { adds, defineTool, reads } from '../tool.ts'
import { findVersion, loadersOf } from '../visible-rows.ts'

const versionId = z.string().describe('As create_snapshot gives it.')

const versionShape = z.object({
  id: z.string(),
  projectId: z.string(),
  message: z.string(),
  commit: z.string(),
  manifestHash: z.string(),
  fileCount: z.int(),
  totalBytes: z.number(),
  archive: z.string().describe('The path of its tar.gz on this server; GET it with the same token.'),
  createdAt: z.iso.datetime(),
})

const showVersion = (version: VersionRow): z.output<typeof versionShape> => {
  const { id, projectId, message, commitOid, manifestHash, fileCount, totalBytes, createdAt } = version
  return {
    id: globalId('Version', id),
    projectId: globalId('Project', projectId),
    message,
    commit: commitOid,
    manifestHash,
    fileCount,
    totalBytes,
    archive: `/versions/${id}.tar.gz`,
    createdAt: createdAt.toISOString(),
  }
}

export const createSnapshot = defineTool({
  name: 'create_snapshot',
  title: 'Create a snapshot',
  description:
    'Keeps a version of a project as it is at a revision, with the SHA-256 of every file. No branch moves. Needs the role AUTHOR.',
  annotations: adds,
  input: z.strictObject({
    projectId: z.string().describe('As list_projects gives it.'),
    message: z.string().describe('What it is kept for.'),
    revision: z.string().optional().describe("A branch, a tag or a commit id; the target branch's head when left out."),
    clientMutationId: z.string().optional().describe('The same one again answers with what the first call made.'),
  }),
  output: versionShape,
  async run(context, { projectId, ...given }) {
    const input = { ...given, projectId: localId('Project', projectId) }
    const id = await createVersion(context.services, context.viewer, input)
    return { value: showVersion(await findVersion(loadersOf(context), globalId('Version', id))) }
  },
})

export const getManifest = defineTool({
  name: 'get_manifest',
  title: "Get a version's manifest",
  description: "A version's files with the SHA-256 of their contents, by path, a page at a time.",
  annotations: reads,
  input: z.strictObject({
    versionId,
    prefix: z.string().max(4_096).default('').describe('What the paths begin with.'),
    ...pageInput,
  }),
  output: z.object({
    version: versionShape,
    entries: z.array(z.object({ path: z.string(), mode: z.string(), sha256: z.string(), size: z.int() })),
    nextCursor,
  }),
  async run(context, { versionId: id, prefix, first, after }) {
    const version = await findVersion(loadersOf(context), id)
    const range = { prefix: Buffer.from(prefix), after: parsePath('after', after) }
    const found = await pageEntries(context.services, version, range, first + 1)
    const shown = found.slice(0, first)
    const last = shown.at(-1)
    const entries = shown.map(({ path, mode, sha256, size }) => ({ path, mode, sha256, size }))
    return {
      value: {
        version: showVersion(version),
        entries,
        nextCursor: last && found.length > first ? formatPath(last) : null,
      },
    }
  },
})

const largestArchive = 1024 * 1024

/** All of it, or nothing as soon as it is more than fits. */
const readBounded = async (pieces: AsyncIterable<Uint8Array>): Promise<Buffer | null> => {
  const read: Uint8Array[] = []
  let size = 0
  for await (const piece of pieces) {
    size += piece.length
    if (size > largestArchive) return null
    read.push(piece)
  }
  return Buffer.concat(read)
}

export const exportVersion = defineTool({
  name: 'export_version',
  title: 'Export a version',
  description: `Where a version's tar.gz is to be had, and, with inline, the archive itself as a resource of the answer if it has at most ${largestArchive} bytes.`,
  annotations: reads,
  input: z.strictObject({
    versionId,
    inline: z.boolean().default(false).describe('For programs: a model can make nothing of an archive.'),
  }),
  output: z.object({
    version: versionShape,
    archiveBytes: z.int().nullable().describe('Of the archive in the answer; null where there is none.'),
  }),
  async run(context, { versionId: id, inline }) {
    const version = await findVersion(loadersOf(context), id)
    const content = inline ? await readBounded(context.archive(version)) : null
    const shown = showVersion(version)
    return {
      value: { version: shown, archiveBytes: content?.length ?? null },
      files: content ? [{ uri: `countersign:${shown.archive}`, mimeType: 'application/gzip', content }] : [],
    }
  },
})
