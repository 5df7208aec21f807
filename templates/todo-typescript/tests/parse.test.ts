import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseItem } from '../src/parse.ts'

test('a line is a title, a due day and how it repeats, in any order', () => {
  const item = { title: 'Pay the rent', due: '2026-01-31', repeat: 'monthly' }
  assert.deepEqual(parseItem('Pay the rent !2026-01-31 *monthly'), item)
  assert.deepEqual(parseItem(' *monthly Pay  the !2026-01-31 rent '), item)
})

test('a mark alone is a word', () => {
  assert.deepEqual(parseItem('Buy 2 * 3 eggs !'), { title: 'Buy 2 * 3 eggs !' })
})

test('a way of repeating that there is not is refused', () => {
  assert.throws(() => parseItem('a *hourly'), /"hourly" is none of daily, weekly, monthly/)
})
