import type { RowStatement } from '../domain/shared/read-rows.ts'
import type { Asking } from './asked-fields.ts'

type Table = RowStatement['table']

/** A column that most do not ask for. */
interface SpareColumn {
  readonly property: string
  /** The fields that are made of it, of whatever type; the one of its own name when left out. */
  readonly fields?: readonly string[]
  /** What is read where none of them is asked for; nothing when left out. */
  readonly instead?: string
}

const spare = (...properties: readonly string[]): readonly SpareColumn[] => properties.map((property) => ({ property }))
const inside = (...properties: readonly string[]): readonly SpareColumn[] =>
  properties.map((property) => ({ property, fields: [] }))

const filesWithoutPatches = `(select coalesce(jsonb_agg(file - 'patch' order by place), '[]')
  from jsonb_array_elements(files) with ordinality as listed(file, place))`
const ofWholeFiles = ['approval', 'stillHolds']
const ofPatches = ['patch', 'hunks', 'reviewedByViewer', ...ofWholeFiles]

/**
 * Of two for one property the later one counts. What is not here is always read; the time and id of what has pages,
 * their cursors are made of, are not to be here.
 */
const spareColumns: Readonly<Partial<Record<Table, readonly SpareColumn[]>>> = {
  Diff: [
    ...spare('content', 'prompt', 'evaluatorReasoning', 'humanFeedback', 'updatedAt'),
    ...inside('commitIntent', 'trace'),
    { property: 'riskFacts', fields: ['risk'] },
    { property: 'refinement', fields: ['refiningMessage', 'refinementFailure'] },
    { property: 'autoRebase', fields: ['autoRebaseFailure'] },
    { property: 'files', fields: ofPatches, instead: filesWithoutPatches },
    { property: 'files', fields: ['files', ...ofWholeFiles] },
  ],
  Review: [
    ...spare('contentHash', 'evaluationHash', 'policyHash', 'baseCommit', 'createdAt'),
    ...inside('messageHash', 'tokenRole'),
  ],
  TestRun: [
    ...inside('phaseId', 'requestedById', 'tree', 'baseTree', 'basis', 'environmentId', 'force', 'createdAt'),
    { property: 'startedAt', fields: ['startedAt', 'durationMs'] },
    { property: 'finishedAt', fields: ['finishedAt', 'durationMs'] },
  ],
}

const insteadOf = (table: Table, asked: ReadonlySet<string>): NonNullable<RowStatement['instead']> =>
  Object.fromEntries(
    (spareColumns[table] ?? []).flatMap(({ property, fields = [property], instead = null }) =>
      fields.some((name) => asked.has(name)) ? [] : [[property, instead]],
    ),
  )

// What is asked for together is a client's choice, and each connection keeps what it has parsed.
const mostStatements = 300
const statements = new Map<string, RowStatement>()
/** Those of them that a document's rows are read by. */
const ofDocuments = new WeakMap<ReadonlySet<string>, Map<string, RowStatement>>()

/**
 * The statement for rows of which no more is read than the fields that are asked for are made of: of most lists not the
 * patches, which are most of what their rows have. What is left out is not there, whatever the row's type says.
 * @param rest and isKept as a RowStatement has them; one of a few
 */
export const askedRows = (table: Table, rest: string, { fields }: Asking, isKept = true): RowStatement => {
  const known = fields && ofDocuments.get(fields)
  const earlier = known?.get(table + rest)
  if (earlier) return earlier
  const instead = fields && statements.size < mostStatements ? insteadOf(table, fields) : {}
  const key = [table, rest, JSON.stringify(instead)].join('\n')
  const statement = statements.get(key) ?? { table, rest, instead, isKept }
  statements.set(key, statement)
  if (fields) ofDocuments.set(fields, (known ?? new Map()).set(table + rest, statement))
  return statement
}
