import { sql } from 'kysely'
import type { FileAnalysis } from '../ports/code-analyzer.ts'
import { canonicalHash } from '../shared/canonical-hash.ts'
import { rows } from '../shared/database.ts'
import { safeJson } from '../shared/safe-text.ts'
import type { Services } from '../shared/services.ts'
import type { Transaction } from '../shared/transact.ts'
import type { KeptAnalysis } from './blob-analysis.entity.ts'
import type { BlobAnalyzer, NamedBlob } from './evaluate-change.ts'
import { decisionOf } from './language.ts'

type Needed = Pick<Services, 'em' | 'git' | 'analyzer'>

/** Contents that are in memory at the same time. */
const pageSize = 64

/** An analysis that was just made, and what it may be found again by. */
export interface NewAnalysis {
  readonly objectId: string
  readonly nameHash: string
  readonly analysis: KeptAnalysis
}

interface Wanted extends NamedBlob {
  readonly nameHash: string
  readonly key: string
}

/**
 * Analyses a project's contents, each once per analyzer: what was analysed before, for whatever diff, is found again by
 * one query, and only the others are read and parsed. Stores nothing: what is new is in `made`, for `keepAnalyses`.
 */
export const blobAnalyzer = (services: Needed, projectId: string, made: NewAnalysis[]): BlobAnalyzer => ({
  version: services.analyzer.version,
  async analyze(blobs) {
    const read = async (objectId: string): Promise<Buffer> => {
      const content = await services.git.readBlob(projectId, objectId)
      if (content === null) throw new Error(`The repository of ${projectId} has lost the object ${objectId}.`)
      return content
    }
    const wanted = blobs.map((blob): Wanted => {
      const nameHash = hashOfName(blob.path)
      return { ...blob, nameHash, key: `${blob.objectId} ${nameHash}` }
    })
    const known = await findKept(services, projectId, wanted)
    const missing = [...new Map(wanted.map((blob) => [blob.key, blob])).values()].filter(({ key }) => !known.has(key))
    for (let at = 0; at < missing.length; at += pageSize) {
      const page = missing.slice(at, at + pageSize)
      const analyses = await services.analyzer.analyze(
        await Promise.all(page.map(async ({ path, objectId }) => ({ path, content: await read(objectId) }))),
      )
      for (const [index, { key, objectId, nameHash }] of page.entries()) {
        const analysis = withoutPath(analyses[index])
        known.set(key, analysis)
        made.push({ objectId, nameHash, analysis })
      }
    }
    return wanted.map(({ path, key }) => withPath(known.get(key), path))
  },
})

/** Everything about a path that an analysis depends on. */
const hashOfName = (path: string): string =>
  canonicalHash([path.slice(path.lastIndexOf('/') + 1), decisionOf(path) !== null])

const findKept = async (
  { em, analyzer }: Needed,
  projectId: string,
  wanted: readonly Wanted[],
): Promise<Map<string, KeptAnalysis>> => {
  if (wanted.length === 0) return new Map()
  // One array is one parameter, of which a statement has at most 65,535.
  const objectIds = [...new Set(wanted.map(({ objectId }) => objectId))]
  const found = await rows(em())
    .selectFrom('BlobAnalysis')
    .select(['objectId', 'nameHash', 'analysis'])
    .where('projectId', '=', projectId)
    .where('analyzerVersion', '=', analyzer.version)
    .where(sql<boolean>`object_id = any(${objectIds}::text[])`)
    .execute()
  return new Map(found.map(({ objectId, nameHash, analysis }) => [`${objectId} ${nameHash}`, analysis]))
}

/** Keeps analyses for the next who asks; those that another change has kept meanwhile stay. */
export const keepAnalyses = async (
  tx: Transaction,
  projectId: string,
  analyzerVersion: string,
  analyses: readonly NewAnalysis[],
): Promise<void> => {
  // A failure may be the machine's: the next one who asks tries again.
  const lasting = analyses
    .filter(({ analysis }) => !analysis.findings.some(({ code }) => code === 'ANALYSIS_FAILED'))
    // In one order, so that two that keep the same do not wait for each other.
    .toSorted((a, b) => (`${a.objectId} ${a.nameHash}` < `${b.objectId} ${b.nameHash}` ? -1 : 1))
  if (lasting.length === 0) return
  await sql`
    insert into blob_analysis (project_id, object_id, name_hash, analyzer_version, analysis, created_at)
    select ${projectId}::uuid, object_id, name_hash, ${analyzerVersion}, analysis::jsonb, ${tx.now}::timestamptz
    from unnest(
      ${lasting.map(({ objectId }) => objectId)}::text[],
      ${lasting.map(({ nameHash }) => nameHash)}::text[],
      ${lasting.map(({ analysis }) => JSON.stringify(analysis))}::text[]
    ) as kept (object_id, name_hash, analysis)
    on conflict do nothing`.execute(rows(tx.em))
}

/** Removes what other versions of the analyzer found: nobody asks for it any more. @returns how many were removed */
export const forgetOldAnalyses = async ({ em, analyzer }: Needed, projectId: string): Promise<number> => {
  const result = await rows(em())
    .deleteFrom('BlobAnalysis')
    .where('projectId', '=', projectId)
    .where('analyzerVersion', '!=', analyzer.version)
    .executeTakeFirst()
  return Number(result.numDeletedRows)
}

const withoutPath = (analysis: FileAnalysis | undefined): KeptAnalysis => {
  if (analysis === undefined) throw new Error('The analyzer answered for fewer files than it was asked.')
  const { path: _, ...rest } = analysis
  return safeJson({
    ...rest,
    uses: analysis.uses.map(({ path: _, ...use }) => use),
    syntaxFaults: analysis.syntaxFaults.map(({ path: _, ...fault }) => fault),
    findings: analysis.findings.map(({ path: _, ...finding }) => finding),
  })
}

const withPath = (analysis: KeptAnalysis | undefined, path: string): FileAnalysis => {
  if (analysis === undefined) throw new Error(`${path} was not analysed.`)
  return {
    ...analysis,
    path,
    uses: analysis.uses.map((use) => ({ ...use, path })),
    syntaxFaults: analysis.syntaxFaults.map((fault) => ({ ...fault, path })),
    findings: analysis.findings.map((finding) => ({ ...finding, path })),
  }
}
