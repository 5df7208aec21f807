import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { createOrm, type Orm } from '../../src/adapters/db/orm.ts'
import { runStatement } from '../../src/domain/shared/run-statement.ts'
import { prepared, withNext } from '../../src/domain/shared/statement-marks.ts'
import { countQueries } from '../support/count-queries.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

let database: TestDatabase
let orm: Orm
beforeAll(async () => {
  database = await createTestDatabase()
  // One connection, so that what one transaction leaves behind is what the next one finds.
  orm = await createOrm(database.url, 1)
  await orm.em.fork().execute('create table noted (word text not null unique)')
})
afterAll(async () => {
  await orm.close()
  await database.drop()
})
beforeEach(() => orm.em.fork().execute('truncate noted'))

type Em = Parameters<typeof runStatement>[0]

const note = (em: Em, word: string | null) => runStatement(em, 'insert into noted (word) values ($1)', [word])
const noteAsText = (em: Em, word: string) => em.execute('insert into noted (word) values (?)', [word])
const noteWithNext = (em: Em, word: string) =>
  runStatement(em, `${withNext('noted-add')}insert into noted (word) values ($1) returning word`, [word])
const noted = async () => {
  const found = await orm.em.fork().execute<{ word: string }[]>('select word from noted order by word')
  return found.map(({ word }) => word)
}

it('a transaction begins with its first statement, and one without any is not sent', async () => {
  const { statements } = await countQueries(() => orm.em.fork().transactional((tx) => note(tx, 'a')))
  expect(statements).toEqual(['insert into noted (word) values ($1)', 'commit'])
  const begunAsText = await countQueries(() => orm.em.fork().transactional((tx) => noteAsText(tx, 'b')))
  expect(begunAsText.statements).toEqual([expect.stringMatching(/^begin; insert into noted/), 'commit'])
  expect((await countQueries(() => orm.em.fork().transactional(async () => {}))).statements).toEqual([])
  await expect(
    orm.em.fork().transactional(async () => {
      throw new Error('refused')
    }),
  ).rejects.toThrow('refused')
  expect(await noted()).toEqual(['a', 'b'])
})

it('what fails as the first statement of a transaction leaves nothing, and the connection serves the next one', async () => {
  await note(orm.em.fork(), 'a')
  for (const first of [note, noteAsText]) {
    const failing = orm.em.fork().transactional(async (tx) => {
      await first(tx, 'a')
      await note(tx, 'b')
    })
    await expect(failing).rejects.toThrow(/unique/)
  }
  await orm.em.fork().transactional((tx) => note(tx, 'c'))
  expect(await noted()).toEqual(['a', 'c'])
})

it('the rows of a statement are told as ever, with those of what came along left out', async () => {
  await orm.em.fork().transactional(async (tx) => {
    await noteWithNext(tx, "it's \\")
    expect(await tx.execute('select word from noted')).toEqual([{ word: "it's \\" }])
    await noteWithNext(tx, 'b')
    const text = 'select word, $1::int as number, $2::timestamptz as at from noted order by word'
    expect(await runStatement(tx, text, [7, new Date(0)])).toEqual([
      { word: 'b', number: 7, at: expect.stringMatching(/^1970-01-01 00:00:00/) },
      { word: "it's \\", number: 7, at: expect.stringMatching(/^1970-01-01 00:00:00/) },
    ])
  })
})

it('what is sent with the commit is committed with it', async () => {
  const { statements } = await countQueries(() =>
    orm.em.fork().transactional(async (tx) => {
      await note(tx, 'a')
      await noteWithNext(tx, 'b')
    }),
  )
  expect(statements).toEqual(['insert into noted (word) values ($1)', 'commit'])
  expect(await noted()).toEqual(['a', 'b'])
})

it.each([
  ['a statement with values', (tx: Em) => note(tx, 'b')],
  ['a statement that is a text', (tx: Em) => noteAsText(tx, 'b')],
  ['the commit', async () => {}],
])('where what goes ahead fails, %s is not done, and its own error is told', async (_, next) => {
  await note(orm.em.fork(), 'a')
  for (let round = 0; round < 2; round++) {
    const failing = orm.em.fork().transactional(async (tx) => {
      await noteWithNext(tx, 'a')
      await next(tx)
    })
    await expect(failing).rejects.toThrow(/unique/)
  }
  // Nor does what the failed one may have left under its name stand in anybody's way.
  await orm.em.fork().transactional(async (tx) => {
    await noteWithNext(tx, 'c')
  })
  expect(await noted()).toEqual(['a', 'c'])
})

it('a transaction that takes no notice of an error is told that nothing was committed', async () => {
  const heedless = orm.em.fork().transactional(async (tx) => {
    await note(tx, 'a')
    await note(tx, null).catch(() => {})
  })
  await expect(heedless).rejects.toThrow('Nothing was committed')
  expect(await noted()).toEqual([])
})

it.each([
  ['afterwards', true],
  ['meanwhile', false],
])('where the server does not even begin, what is asked %s is not done', async (_, isAwaited) => {
  const heedless = orm.em.fork().transactional(async (tx) => {
    await noteWithNext(tx, 'a')
    const refused = tx.execute('this is no statement').catch(() => {})
    if (isAwaited) await refused
    await noteAsText(tx, 'b').catch(() => {})
    await refused
    await note(tx, 'c').catch(() => {})
  })
  await expect(heedless).rejects.toThrow('Nothing was committed')
  expect(await noted()).toEqual([])
  await orm.em.fork().transactional((tx) => note(tx, 'd'))
  expect(await noted()).toEqual(['d'])
})

it('outside a transaction there is nothing to wait for: a marked statement is done at once', async () => {
  expect(await noteWithNext(orm.em.fork(), 'a')).toEqual([{ word: 'a' }])
  expect(await noted()).toEqual(['a'])
})

it('a prepared statement is parsed once for a connection, also where it failed in between', async () => {
  const text = `${prepared('noted-twice')}insert into noted (word) values ($1), ($1 || $1) returning word`
  const names = async () => {
    const found = await orm.em
      .fork()
      .execute<{ statement: string }[]>(`select statement from pg_prepared_statements where name = 'noted-twice'`)
    return found.map(({ statement }) => statement)
  }
  await expect(runStatement(orm.em.fork(), text, [null])).rejects.toThrow(/null value/)
  await expect(runStatement(orm.em.fork(), text, ['a'])).resolves.toEqual([{ word: 'a' }, { word: 'aa' }])
  await expect(orm.em.fork().transactional((tx) => runStatement(tx, text, ['a']))).rejects.toThrow(/unique/)
  await orm.em.fork().transactional((tx) => runStatement(tx, text, ['b']))
  expect(await names()).toEqual([text])
  expect(await noted()).toEqual(['a', 'aa', 'b', 'bb'])
  // As after a pooler gave the connection to others, or a migration changed a type.
  await orm.em.fork().execute('deallocate all')
  await expect(runStatement(orm.em.fork(), text, ['c'])).rejects.toThrow(/does not exist/)
  await expect(runStatement(orm.em.fork(), text, ['c'])).resolves.toHaveLength(2)
})
