import pg from 'pg'

/** The rows that the jobs are about, the same for all ways. */
export const createTable = async (databaseUrl: string): Promise<void> => {
  const client = new pg.Client(databaseUrl)
  await client.connect()
  try {
    await client.query(
      'create table bench_step (id uuid primary key, state text not null, steps int not null default 0)',
    )
  } finally {
    await client.end()
  }
}

/** Prepared, as whoever writes them by hand does it. */
export const statements = {
  add: (id: string) => ({ name: 'add', text: `insert into bench_step (id, state) values ($1, 'ASKED')`, values: [id] }),
  finish: (id: string) => ({
    name: 'finish',
    text: `update bench_step set state = 'DONE', steps = steps + 1 where id = $1`,
    values: [id],
  }),
}

export const isDone = async (pool: pg.Pool, id: string): Promise<boolean> => {
  const { rows } = await pool.query('select state from bench_step where id = $1', [id])
  return rows[0]?.state === 'DONE'
}

/** In one transaction on one connection. */
export const inTransaction = async (pool: pg.Pool, work: (client: pg.PoolClient) => Promise<void>): Promise<void> => {
  const client = await pool.connect()
  try {
    await client.query('begin')
    await work(client)
    await client.query('commit')
  } catch (error) {
    await client.query('rollback')
    throw error
  } finally {
    client.release()
  }
}
