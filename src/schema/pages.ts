import type { EntityManager } from '@mikro-orm/postgresql'
import { resolveCursorConnection } from '@pothos/plugin-relay'
import DataLoader from 'dataloader'
import { sql } from 'kysely'
import { ofUnarchivedProject } from '../domain/project/of-unarchived-project.ts'
import { type Database, rows } from '../domain/shared/database.ts'
import { fieldFault } from '../domain/shared/validate.ts'
import { isRowId } from './ids.ts'

/** A list that grows, newest first (or oldest), cut into pages by time and id. */
export interface PageQuery {
  readonly table: keyof Database & string
  /** The property that names the owner, and which one; none for a list over all. */
  readonly owner?: { readonly property: string; readonly id: string }
  /** Property to one of these values; null means no condition. */
  readonly where?: Readonly<Record<string, readonly unknown[] | null>>
  /** Properties that must be empty. */
  readonly empty?: readonly string[]
  /** Only rows of projects that are not archived. */
  readonly unarchived?: boolean
  readonly order: 'asc' | 'desc'
}

interface PageKey extends PageQuery {
  readonly after: Place | null
  readonly before: Place | null
  readonly limit: number
  readonly inverted: boolean
}

interface Place {
  readonly createdAt: string
  readonly id: string
}

/** The usual Relay arguments. */
export interface PageArguments {
  readonly first?: number | null | undefined
  readonly last?: number | null | undefined
  readonly after?: string | null | undefined
  readonly before?: string | null | undefined
}

interface Paged {
  readonly id: string
  readonly createdAt: Date
}

export type PageLoader = DataLoader<PageKey, readonly unknown[], string>

export const maxPageSize = 200
export const defaultPageSize = 50

const formatPlace = (row: Paged): string =>
  Buffer.from(`${row.createdAt.toISOString()} ${row.id}`).toString('base64url')

/** As formatPlace writes it: PostgreSQL refuses some of what Date.parse takes. */
export const isPlaceTime = (text: string): boolean =>
  /^[12]\d{3}-/.test(text) && !Number.isNaN(Date.parse(text)) && new Date(text).toISOString() === text

const parsePlace = (argument: string, cursor: string): Place => {
  const [createdAt, id, rest] = Buffer.from(cursor, 'base64url').toString('utf8').split(' ')
  if (!createdAt || !id || rest !== undefined || !isPlaceTime(createdAt) || !isRowId(id)) {
    throw fieldFault(argument, 'is not a cursor of this list')
  }
  return { createdAt, id }
}

const placeCondition = (order: 'asc' | 'desc', place: Place, side: 'after' | 'before') => {
  const later = (order === 'asc') === (side === 'after')
  return later
    ? sql<boolean>`(created_at, id) > (${place.createdAt}::timestamptz, ${place.id}::uuid)`
    : sql<boolean>`(created_at, id) < (${place.createdAt}::timestamptz, ${place.id}::uuid)`
}

/** Owner aside, what makes two pages one query. */
const shape = ({ owner, ...rest }: PageKey): string => JSON.stringify([owner?.property ?? null, rest])

/** The same page of many owners in one query: rows are numbered within their owner. */
const readPages = async (em: EntityManager, keys: readonly PageKey[]): Promise<readonly (readonly unknown[])[]> => {
  const [key] = keys
  if (!key) return []
  const direction = (key.order === 'desc') !== key.inverted ? 'desc' : 'asc'
  // Table and properties come from the schema's own code, never from a request.
  const table = key.table as 'Diff'
  let matching = rows(em).selectFrom(table)
  for (const [property, values] of Object.entries(key.where ?? {})) {
    if (values) matching = matching.where(property as 'id', 'in', values as string[])
  }
  for (const property of key.empty ?? []) matching = matching.where(property as 'id', 'is', null)
  if (key.unarchived) matching = matching.where(ofUnarchivedProject)
  if (key.after) matching = matching.where(placeCondition(key.order, key.after, 'after'))
  if (key.before) matching = matching.where(placeCondition(key.order, key.before, 'before'))
  const property = (key.owner?.property ?? 'id') as 'id'
  const owners = keys.flatMap(({ owner }) => owner?.id ?? [])
  if (owners.length > 0) matching = matching.where(property, 'in', owners)
  if (owners.length < 2) {
    const page = matching.selectAll().orderBy('createdAt', direction).orderBy('id', direction)
    return [await page.limit(key.limit).execute()]
  }
  const numbered = matching
    .select('id')
    .select((row) =>
      row.fn
        .agg<string>('row_number')
        .over((over) => over.partitionBy(property).orderBy('createdAt', direction).orderBy('id', direction))
        .as('place'),
    )
    .as('numbered')
  const found = await rows(em)
    .selectFrom(table)
    .selectAll()
    .where('id', 'in', (nested) =>
      nested.selectFrom(numbered).select('numbered.id').where('place', '<=', `${key.limit}`),
    )
    .orderBy('createdAt', direction)
    .orderBy('id', direction)
    .execute()
  return keys.map(({ owner }) =>
    found.filter((row) => (row as unknown as Record<string, unknown>)[property] === owner?.id),
  )
}

export const createPageLoader = (em: () => EntityManager): PageLoader =>
  new DataLoader<PageKey, readonly unknown[], string>(
    async (keys) => {
      const groups = new Map<string, PageKey[]>()
      for (const key of keys) groups.set(shape(key), [...(groups.get(shape(key)) ?? []), key])
      const found = new Map<PageKey, readonly unknown[]>()
      await Promise.all(
        [...groups.values()].map(async (group) => {
          const pages = await readPages(em(), group)
          for (const [index, key] of group.entries()) found.set(key, pages[index] ?? [])
        }),
      )
      return keys.map((key) => found.get(key) ?? [])
    },
    { cacheKeyFn: (key) => `${key.owner?.id ?? ''} ${shape(key)}` },
  )

/** @throws ValidationError for a page that is too large */
export const checkPageSize = (args: PageArguments): void => {
  for (const name of ['first', 'last'] as const) {
    const size = args[name]
    if (size != null && (size < 0 || size > maxPageSize)) throw fieldFault(name, `must be 0 to ${maxPageSize}`)
  }
}

/**
 * A Relay connection over a list.
 * @throws ValidationError for a cursor of another list or a page that is too large
 */
export const page = <Row extends Paged>(loader: PageLoader, query: PageQuery, args: PageArguments) => {
  checkPageSize(args)
  return resolveCursorConnection(
    { args, defaultSize: defaultPageSize, maxSize: maxPageSize, toCursor: (row: unknown) => formatPlace(row as Row) },
    async ({ after, before, limit, inverted }) =>
      (await loader.load({
        ...query,
        after: after === undefined ? null : parsePlace('after', after),
        before: before === undefined ? null : parsePlace('before', before),
        limit,
        inverted,
      })) as Row[],
  )
}
