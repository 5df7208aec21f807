import type { EntityManager } from '@mikro-orm/postgresql'
import { resolveCursorConnection } from '@pothos/plugin-relay'
import DataLoader from 'dataloader'
import { inUnarchivedProject } from '../domain/project/of-unarchived-project.ts'
import type { Database } from '../domain/shared/database.ts'
import { readRows } from '../domain/shared/read-rows.ts'
import { fieldFault } from '../domain/shared/validate.ts'
import type { Asking } from './asked-fields.ts'
import { askedRows } from './asked-rows.ts'
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

/** Owner aside, what makes two pages one query. */
const shape = ({ owner, ...rest }: PageKey): string => JSON.stringify([owner?.property ?? null, rest])

/** What follows the table in a statement, and its values. Names come from the schema's own code, never from a request. */
const pageQuery = (key: PageKey, owners: readonly string[]) => {
  const values: unknown[] = []
  const value = (given: unknown): string => `$${values.push(given)}`
  const direction = (key.order === 'desc') !== key.inverted ? 'desc' : 'asc'
  const beside = (place: Place, side: 'after' | 'before'): string => {
    const compared = (key.order === 'asc') === (side === 'after') ? '>' : '<'
    return `({createdAt}, {id}) ${compared} (${value(place.createdAt)}::timestamptz, ${value(place.id)}::uuid)`
  }
  const order = `order by {createdAt} ${direction}, {id} ${direction}`
  const owner = `{${key.owner?.property ?? 'id'}}`
  const [only, ...others] = owners
  const conditions = [
    ...Object.entries(key.where ?? {}).flatMap(([property, among]) =>
      among ? [`{${property}} = any (${value(among)})`] : [],
    ),
    ...(key.empty ?? []).map((property) => `{${property}} is null`),
    ...(key.unarchived ? [inUnarchivedProject] : []),
    ...(key.after ? [beside(key.after, 'after')] : []),
    ...(key.before ? [beside(key.before, 'before')] : []),
    // By one value an index gives the order as well.
    ...(only === undefined ? [] : [`${owner} ${others.length > 0 ? `= any (${value(owners)})` : `= ${value(only)}`}`]),
  ]
  const where = conditions.length > 0 ? `where ${conditions.join(' and ')}` : ''
  if (others.length === 0) return { rest: `${where} ${order} limit ${value(key.limit)}`, values }
  const place = `row_number() over (partition by ${owner} ${order})`
  const numbered = `select {id} as id, ${place} as place from {} ${where}`
  const first = `select id from (${numbered}) as numbered where place <= ${value(key.limit)}`
  return { rest: `where {id} in (${first}) ${order}`, values }
}

/** The same page of many owners in one query: rows are numbered within their owner. */
const readPages = async (
  em: EntityManager,
  keys: readonly PageKey[],
  asking: Asking,
): Promise<readonly (readonly unknown[])[]> => {
  const [key] = keys
  if (!key) return []
  const { rest, values } = pageQuery(
    key,
    keys.flatMap(({ owner }) => owner?.id ?? []),
  )
  const found = await readRows<Record<string, unknown>>(em, askedRows(key.table, rest, asking, false), values)
  if (keys.length === 1) return [found]
  const byOwner = Map.groupBy(found, (row) => row[key.owner?.property ?? 'id'])
  return keys.map(({ owner }) => byOwner.get(owner?.id) ?? [])
}

export const createPageLoader = (em: () => EntityManager, asking: Asking): PageLoader =>
  new DataLoader<PageKey, readonly unknown[], string>(
    async (keys) => {
      const groups = Map.groupBy(keys, shape)
      const found = new Map<PageKey, readonly unknown[]>()
      await Promise.all(
        [...groups.values()].map(async (group) => {
          const pages = await readPages(em(), group, asking)
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
