import { expect, it } from 'vitest'
import { coalesce } from '../../src/domain/shared/coalesce.ts'

it('calls while one is on its way become one more after it, which sees what they were called for', async () => {
  let state = 0
  const seen: number[] = []
  let arrived = Promise.withResolvers<void>()
  let go = Promise.withResolvers<void>()
  const act = coalesce(async () => {
    seen.push(state)
    arrived.resolve()
    await go.promise
  })
  act()
  await arrived.promise
  state = 1
  act()
  state = 2
  act()
  expect(seen).toEqual([0])
  const first = go
  arrived = Promise.withResolvers()
  go = Promise.withResolvers()
  first.resolve()
  await arrived.promise
  expect(seen).toEqual([0, 2])
  arrived = Promise.withResolvers()
  go.resolve()
  await Promise.resolve()
  act()
  await arrived.promise
  expect(seen).toEqual([0, 2, 2])
})
