/** What there is in a database, as PostgreSQL itself tells it: tables, sequences, foreign keys. */

import pg from 'pg'

export interface Table {
  readonly name: string
  readonly columns: readonly string[]
}

export interface Sequence {
  readonly name: string
  /** The last number that was given out, in digits. */
  readonly last: string
}

/** Made by the migrations, or of processes that run now. */
export const notCopied: readonly string[] = ['migration', 'process']

const connectMs = 5_000

/**
 * A connection that is not ended for being idle, and writes values the same way wherever it is.
 * @param stop breaks it off, whatever it is doing
 */
export const connect = async (databaseUrl: string, stop?: AbortSignal): Promise<pg.Client> => {
  const client = new pg.Client({ connectionString: databaseUrl, connectionTimeoutMillis: connectMs, keepAlive: true })
  // A connection that breaks between two queries would be an error that nobody caught; the next query says so.
  client.on('error', () => {})
  await client.connect()
  // In the middle of a statement it does not wait for the end of that.
  stop?.addEventListener('abort', () => void client.end(), { once: true })
  await client.query(
    `set statement_timeout = 0; set lock_timeout = 0; set idle_in_transaction_session_timeout = 0;
     set idle_session_timeout = 0; set client_encoding = 'UTF8'; set datestyle = 'ISO, YMD'; set timezone = 'UTC';
     set intervalstyle = 'postgres'; set bytea_output = 'hex'; set extra_float_digits = 1`,
  )
  return client
}

const notCopiedList = notCopied.map((name) => `'${name}'`).join(', ')

/** Of `pg_class`: what an extension brought is made by the extension again. */
const ofNoExtension = `not exists (
  select from pg_depend as member
  where member.classid = 'pg_class'::regclass and member.objid = pg_class.oid and member.deptype = 'e')`

export const readTables = async (client: pg.Client): Promise<readonly Table[]> => {
  const { rows } = await client.query<Table>(
    `select relname as name, array_agg(attname::text order by attnum) as columns
     from pg_class join pg_attribute on attrelid = pg_class.oid
     where relnamespace = current_schema()::regnamespace and relkind = 'r'
       and attnum > 0 and not attisdropped and attgenerated = '' and relname not in (${notCopiedList})
       and ${ofNoExtension}
     group by relname order by relname`,
  )
  return rows
}

export const readSequences = async (client: pg.Client): Promise<readonly Sequence[]> => {
  const { rows } = await client.query<Sequence>(
    `select sequencename as name, coalesce(last_value, 0)::text as last
     from pg_sequences join pg_class on pg_class.oid = format('%I.%I', schemaname, sequencename)::regclass
     where schemaname = current_schema() and ${ofNoExtension} and not exists (
       select from pg_depend join pg_class as owner on owner.oid = refobjid
       where objid = pg_class.oid and deptype in ('a', 'i') and owner.relname in (${notCopiedList}))
     order by sequencename`,
  )
  return rows
}

export interface Relation {
  readonly name: string
  /** As `alter` and `drop` want it. */
  readonly kind: 'table' | 'sequence' | 'view' | 'materialized view' | 'foreign table'
}

/** Whatever stands in a schema by itself: the sequence of a column comes along with its table. */
export const readRelations = async (client: pg.Client, schema: string): Promise<readonly Relation[]> => {
  const { rows } = await client.query<Relation>(
    `select relname as name, case relkind when 'S' then 'sequence' when 'v' then 'view'
       when 'm' then 'materialized view' when 'f' then 'foreign table' else 'table' end as kind
     from pg_class join pg_namespace on pg_namespace.oid = relnamespace
     where nspname = $1 and relkind in ('r', 'p', 'S', 'v', 'm', 'f') and ${ofNoExtension}
       and (relkind <> 'S' or not exists (
         select from pg_depend where classid = 'pg_class'::regclass and objid = pg_class.oid and deptype in ('a', 'i')))
     order by relname`,
    [schema],
  )
  return rows
}

export interface ForeignKey {
  readonly table: string
  readonly name: string
  readonly definition: string
}

export const readForeignKeys = async (client: pg.Client): Promise<readonly ForeignKey[]> => {
  const { rows } = await client.query<ForeignKey>(
    `select relname as table, conname as name, pg_get_constraintdef(pg_constraint.oid) as definition
     from pg_constraint join pg_class on pg_class.oid = conrelid
     where contype = 'f' and connamespace = current_schema()::regnamespace
     order by relname, conname`,
  )
  return rows
}

/** The names of the migrations that were run; null when it never was a database of ours. */
export const readMigrations = async (client: pg.Client): Promise<readonly string[] | null> => {
  const { rows: found } = await client.query(`select to_regclass('migration') is not null as "isThere"`)
  if (found[0]?.isThere !== true) return null
  const { rows } = await client.query<{ name: string }>('select name from migration order by name')
  return rows.map(({ name }) => name)
}

export const quoted = (name: string): string => pg.escapeIdentifier(name)

export const columnList = ({ columns }: Table): string => columns.map(quoted).join(', ')
