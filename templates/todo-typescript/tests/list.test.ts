import assert from 'node:assert/strict'
import { test } from 'node:test'
import { addItem, completeItem, dueBy, emptyList, type List } from '../src/list.ts'

const titles = (list: List, day: string) => dueBy(list, day).map(({ title }) => title)

test('items have ids that are never used again', () => {
  const list = addItem(addItem(emptyList, { title: 'one' }), { title: ' two ' })
  assert.deepEqual(
    list.items.map(({ id, title }) => [id, title]),
    [
      [1, 'one'],
      [2, 'two'],
    ],
  )
})

test('what is due is shown, the most urgent first', () => {
  let list = addItem(emptyList, { title: 'later', due: '2026-03-02' })
  list = addItem(list, { title: 'sooner', due: '2026-03-01' })
  list = addItem(list, { title: 'whenever' })
  assert.deepEqual(titles(list, '2026-03-01'), ['sooner'])
  assert.deepEqual(titles(list, '2026-03-31'), ['sooner', 'later'])
})

test('an item that is done is not due any more, and stays done', () => {
  const list = completeItem(addItem(emptyList, { title: 'one', due: '2026-03-01' }), 1, '2026-02-28')
  assert.deepEqual(titles(list, '2026-12-31'), [])
  assert.equal(completeItem(list, 1, '2026-03-01'), list)
})

test('an item that repeats comes back', () => {
  for (const [repeat, due] of [
    ['daily', '2026-01-16'],
    ['weekly', '2026-01-22'],
    ['monthly', '2026-02-15'],
  ] as const) {
    const list = completeItem(addItem(emptyList, { title: 'water', due: '2026-01-15', repeat }), 1, '2026-01-15')
    assert.deepEqual(list.items[1], { id: 2, title: 'water', due, repeat })
  }
})

test('what makes no sense is refused', () => {
  assert.throws(() => addItem(emptyList, { title: '  ' }), /needs a title/)
  assert.throws(() => addItem(emptyList, { title: 'a', due: '2026-02-30' }), /not a day/)
  assert.throws(() => addItem(emptyList, { title: 'a', repeat: 'daily' }), /needs a due day/)
  assert.throws(() => completeItem(emptyList, 1, '2026-01-01'), /no item 1/)
})
