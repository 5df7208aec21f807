import { afterAll, beforeAll, expect, it } from 'vitest'
import { makeRows } from '../../bench/harness/rows.ts'
import { createOrm, type Orm } from '../../src/adapters/db/orm.ts'
import { entities } from '../../src/domain/entities.ts'
import { type Database, rows } from '../../src/domain/shared/database.ts'
import { readRows } from '../../src/domain/shared/read-rows.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

const naming = { tableNamingStrategy: 'entity', columnNamingStrategy: 'property', convertValues: true } as const

let database: TestDatabase
let orm: Orm
beforeAll(async () => {
  database = await createTestDatabase()
  orm = await createOrm(database.url, 2)
  await makeRows(database.url, { people: 2, projects: 1, diffs: 20, events: 5 })
})
afterAll(async () => {
  await orm.close()
  await database.drop()
})

it('rows of one table, of every one that there is, are what MikroORM itself makes of them', async () => {
  const em = orm.em.fork()
  let filled = 0
  for (const { meta } of entities) {
    const table = meta.className as 'Sprint'
    const read = await rows(em)
      .selectFrom(table)
      .selectAll()
      .orderBy('id')
      .execute()
      .catch(() => [])
    const theirs = await em
      .getKysely<Database, typeof naming>(naming)
      .selectFrom(table)
      .selectAll()
      .orderBy('id')
      .execute()
      .catch(() => [])
    expect(read, table).toEqual(theirs)
    const writtenOut = readRows(em, { table, rest: 'where true order by {id}' }, [])
    expect(await writtenOut.catch(() => []), table).toEqual(theirs)
    if (read.length > 0) filled += 1
  }
  // Dates, booleans, JSON, counters, what refers to others, and nothing of each of them.
  expect(filled).toBeGreaterThan(12)
})

it('a query that cannot be put together leaves those after it as they are', async () => {
  const em = orm.em.fork()
  const policy: { itself?: object } = {}
  policy.itself = policy
  const unwritable = rows(em)
    .updateTable('Project')
    .set({ policy: policy as never })
    .where('name', '=', 'none')
  expect(() => unwritable.compile()).toThrow(/circular/)
  const read = rows(em).selectFrom('Diff').select('Diff.id').innerJoin('Actor', 'Actor.id', 'Diff.authorId')
  expect(await read.where('Diff.projectId', 'is not', null).execute()).toHaveLength(20)
})

it('columns that are named by themselves, and what is computed beside them, are there under their names', async () => {
  const em = orm.em.fork()
  const read = await rows(em)
    .selectFrom('Diff')
    .select(['id', 'projectId', 'createdAt', 'files'])
    .select((row) =>
      row.fn
        .agg<string>('row_number')
        .over((over) => over.orderBy('createdAt', 'desc'))
        .as('place'),
    )
    .orderBy('createdAt', 'desc')
    .limit(2)
    .execute()
  expect(read.map(({ place }) => place)).toEqual(['1', '2'])
  expect(read[0]).toMatchObject({ createdAt: expect.any(Date), projectId: expect.any(String) })
  expect(read[0]?.files).toHaveLength(3)
  expect(await rows(em).selectFrom('Diff').select('id').where('createdAt', '<', new Date(0)).execute()).toEqual([])
})
