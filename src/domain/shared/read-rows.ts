import type { EntityMetadata, MetadataStorage } from '@mikro-orm/core'
import type { EntityManager } from '@mikro-orm/postgresql'
import type { UnknownRow } from 'kysely'
import type { Database } from './database.ts'
import { type Column, knownColumns } from './entity-rows.ts'
import { runStatement } from './run-statement.ts'
import { prepared } from './statement-marks.ts'

/** What reads rows of one table and is the same but for its values. Each is declared once: it is put together once. */
export interface RowStatement {
  readonly table: keyof Database & string
  /** What follows the table, with properties in braces: `where {projectId} = any ($1)`; empty ones are the table. */
  readonly rest: string
  /** SQL that is read in place of a property's column; null where it is not read. */
  readonly instead?: Readonly<Record<string, string | null>>
  /** False where how it is done best depends on its values; others are parsed and planned once for each connection. */
  readonly isKept?: boolean
}

interface Prepared {
  readonly text: string
  /** Those whose values are not what the driver gives. */
  readonly converted: readonly Column[]
}

const known = new WeakMap<MetadataStorage, WeakMap<RowStatement, Prepared>>()

const nameOf = (metadata: EntityMetadata, property: string): string => {
  if (property === '') return `"${metadata.tableName}"`
  const field = metadata.properties[property as never]?.fieldNames[0]
  if (field === undefined) throw new Error(`${metadata.className} has no property ${property}.`)
  return `"${field}"`
}

let count = 0

/** A name that no other has; there are only letters in them. */
const newName = (): string => {
  count += 1
  return `rows-${String(count).replaceAll(/\d/g, (digit) => 'abcdefghij'.charAt(Number(digit)))}`
}

const prepare = (em: EntityManager, { table, rest, instead = {}, isKept = true }: RowStatement): Prepared => {
  const metadata = em.getMetadata().getByClassName(table)
  const fields = metadata.props.flatMap(({ persist, fieldNames }) => (persist === false ? [] : (fieldNames ?? [])))
  const columns = knownColumns(metadata, fields, em.getDriver().getPlatform()).filter(({ to }) => instead[to] !== null)
  const selected = columns.map(({ from, to }) => `${instead[to] ?? `"${from}"`} as "${to}"`)
  const behind = rest.replaceAll(/\{(\w*)\}/g, (_, property: string) => nameOf(metadata, property))
  return {
    text: `${isKept ? prepared(newName()) : ''}select ${selected.join(', ')} from ${nameOf(metadata, '')} ${behind}`,
    converted: columns.filter(({ convert }) => convert !== undefined),
  }
}

const preparedOf = (em: EntityManager, statement: RowStatement): Prepared => {
  const metadata = em.getMetadata()
  const ofSchema = known.get(metadata) ?? new WeakMap<RowStatement, Prepared>()
  known.set(metadata, ofSchema)
  const earlier = ofSchema.get(statement) ?? prepare(em, statement)
  ofSchema.set(statement, earlier)
  return earlier
}

/**
 * Rows as `rows(em).selectFrom(table).selectAll()` gives them, without a query being built, renamed and compiled for
 * each time that they are read.
 */
export const readRows = async <Row>(
  em: EntityManager,
  statement: RowStatement,
  values: readonly unknown[],
): Promise<readonly Row[]> => {
  const { text, converted } = preparedOf(em, statement)
  const rows = await runStatement<UnknownRow>(em, text, values)
  for (const row of rows) {
    for (const { to, convert } of converted) {
      const value = row[to]
      if (value !== null && convert) row[to] = convert(value)
    }
  }
  return rows as readonly Row[]
}
