import pg from 'pg'

const limitMs = 5_000

/**
 * When the processes of a host last gave a sign of life, by the database's clock. One connection and one statement:
 * health checks ask often.
 */
export const lastSigns = async (
  databaseUrl: string,
  host: string,
): Promise<readonly { readonly isApi: boolean; readonly silentMs: number }[]> => {
  const client = new pg.Client({
    connectionString: databaseUrl,
    connectionTimeoutMillis: limitMs,
    query_timeout: limitMs,
  })
  // A connection that breaks between two queries would be an error that nobody caught.
  client.on('error', () => {})
  await client.connect()
  try {
    const { rows } = await client.query<{ is_api: boolean; silent_ms: number }>(
      `select pool is null as is_api, (extract(epoch from now() - seen_at) * 1000)::float8 as silent_ms
       from process where host = $1`,
      [host],
    )
    return rows.map((row) => ({ isApi: row.is_api, silentMs: row.silent_ms }))
  } finally {
    await client.end()
  }
}
