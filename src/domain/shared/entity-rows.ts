import type { EntityMetadata, EntityProperty } from '@mikro-orm/core'
import type { EntityManager } from '@mikro-orm/postgresql'
import { MikroKyselyPlugin, type MikroKyselyPluginOptions } from '@mikro-orm/sql'
import {
  type KyselyPlugin,
  type PluginTransformQueryArgs,
  type PluginTransformResultArgs,
  type QueryId,
  type QueryResult,
  type RootOperationNode,
  SelectQueryNode,
  TableNode,
  type UnknownRow,
} from 'kysely'

/** How one column of a result becomes a property. */
export interface Column {
  readonly from: string
  readonly to: string
  /** Undefined where the value stays as it is. */
  readonly convert: ((value: unknown) => unknown) | undefined
}

type Platform = ReturnType<ReturnType<EntityManager['getDriver']>['getPlatform']>

// By entity and the result's columns: the same few, however many queries and rows there are.
const known = new WeakMap<EntityMetadata, Map<string, readonly Column[]>>()

const hasZone = (text: string): boolean => text.includes('+') || text.lastIndexOf('-') > 10 || text.endsWith('Z')

/** As MikroORM's own conversion does it for this property. */
const conversionOf = (property: EntityProperty, platform: Platform): Column['convert'] => {
  const { customType, runtimeType } = property
  if (customType) return (value) => customType.convertToJSValue(value, platform)
  if (runtimeType === 'boolean') return Boolean
  if (runtimeType !== 'Date' || platform.isNumericProperty(property)) return undefined
  const zone = platform.getTimezone()
  return (value) => {
    if (value instanceof Date) return value
    const isWhole = !zone || zone === 'local' || typeof value !== 'string' || hasZone(value)
    return platform.parseDate((isWhole ? value : `${value}${zone}`) as string)
  }
}

const columnsOf = (metadata: EntityMetadata, names: readonly string[], platform: Platform): readonly Column[] => {
  const byField = new Map(
    metadata.props.flatMap((property) => (property.fieldNames ?? []).map((field) => [field, property])),
  )
  return names.map((from) => {
    const property = byField.get(from) ?? metadata.props.find(({ name }) => name === from)
    return property
      ? { from, to: property.name, convert: conversionOf(property, platform) }
      : { from, to: from, convert: undefined }
  })
}

/** How the columns of a result with these names become properties. */
export const knownColumns = (
  metadata: EntityMetadata,
  names: readonly string[],
  platform: Platform,
): readonly Column[] => {
  const key = names.join(' ')
  const shapes = known.get(metadata) ?? new Map<string, readonly Column[]>()
  const columns = shapes.get(key) ?? columnsOf(metadata, names, platform)
  known.set(metadata, shapes.set(key, columns))
  return columns
}

const mapRows = (rows: readonly UnknownRow[], columns: readonly Column[]): UnknownRow[] =>
  rows.map((row) => {
    const mapped: UnknownRow = {}
    for (const { from, to, convert } of columns) {
      const value = row[from]
      mapped[to] = convert === undefined || value === null || value === undefined ? value : convert(value)
    }
    return mapped
  })

/** The entity of a query that reads one table by itself; undefined for every other query. */
const onlyTable = (node: RootOperationNode): string | undefined => {
  if (!SelectQueryNode.is(node) || node.joins || node.with || node.from?.froms.length !== 1) return undefined
  const [from] = node.from.froms
  return from && TableNode.is(from) && from.table.schema === undefined ? from.table.identifier.name : undefined
}

/**
 * Entities' names and values in queries, as MikroORM's own plugin has them. What that makes of each row anew, which
 * column is which property and how it is converted, is found once here for the rows of one table, nearly all that are
 * read.
 */
export const entityRows = (em: EntityManager, options: MikroKyselyPluginOptions): KyselyPlugin => {
  let plugin = new MikroKyselyPlugin(em, options)
  const platform = em.getDriver().getPlatform()
  const tables = new WeakMap<QueryId, EntityMetadata>()
  return {
    transformQuery(args: PluginTransformQueryArgs): RootOperationNode {
      const table = onlyTable(args.node)
      const metadata = table === undefined ? undefined : em.getMetadata().getByClassName(table, false)
      if (metadata) tables.set(args.queryId, metadata)
      try {
        return plugin.transformQuery(args)
      } catch (error) {
        // It is in the middle of that query for good.
        plugin = new MikroKyselyPlugin(em, options)
        throw error
      }
    },
    async transformResult(args: PluginTransformResultArgs): Promise<QueryResult<UnknownRow>> {
      const metadata = tables.get(args.queryId)
      if (!metadata) return plugin.transformResult(args)
      const { rows } = args.result
      const [first] = rows
      if (!first) return args.result
      const columns = knownColumns(metadata, Object.keys(first), platform)
      return { ...args.result, rows: mapRows(rows, columns) }
    },
  }
}
