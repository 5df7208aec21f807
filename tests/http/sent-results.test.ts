import type { ExecutionResult } from 'graphql'
import { expect, it } from 'vitest'
import { handed, type StillGiven } from '../../src/domain/shared/handed.ts'
import { type Shown, sentResults } from '../../src/http/sent-results.ts'

const all = Array.from({ length: 40 }, (_, number) => number)

interface Sending {
  /** How large the result of an event is. */
  readonly bytes?: (event: number) => number
  readonly isHeavy?: boolean
  readonly stillGiven?: StillGiven<number>
  /** What is waited for after an event was sent. */
  readonly wait?: (event: number) => Promise<void> | undefined
}

/** Sends all events, as somebody who is behind is sent them: says which were executed together, and which were sent. */
const sendAll = async ({ bytes = () => 100, isHeavy = false, stillGiven, wait }: Sending) => {
  const executed: (readonly number[])[] = []
  const put: number[] = []
  const sent: number[] = []
  const events = handed<number>(async (take, most) => {
    for (let from = 0; from < all.length; from += most) await take(all.slice(from, from + most), false, stillGiven)
  })
  const shown: Shown<number> = {
    atOnce: () => undefined,
    isHeavy: () => isHeavy,
    async inTime(some) {
      executed.push(some)
      return some.map((event) => (): Buffer | ExecutionResult => {
        put.push(event)
        return Buffer.alloc(bytes(event), event)
      })
    },
  }
  const send = (payloads: readonly Buffer[]) => {
    const events = payloads.map(([event]) => event ?? Number.NaN)
    sent.push(...events)
    // Nothing is put together before what is before it was sent.
    expect(put).toEqual(sent)
    return events.map((event) => wait?.(event)).find((waiting) => waiting)
  }
  const results = sentResults(events, shown, send, (error) => error)
  expect(await results.next()).toEqual({ done: true, value: undefined })
  return { executed: executed.map(({ length }) => length), sent }
}

it('results are executed together, the more the smaller they are', async () => {
  expect(await sendAll({})).toEqual({ executed: [1, 2, 4, 8, 1, 16, 8], sent: all })
})

it('results of megabytes are executed one by one: where they can be expected, and from the first one that came', async () => {
  expect(await sendAll({ isHeavy: true })).toEqual({ executed: all.map(() => 1), sent: all })
  const { executed, sent } = await sendAll({ bytes: (event) => (event < 20 ? 100 : 100_000) })
  expect(executed.slice(0, 6)).toEqual([1, 2, 4, 8, 1, 16])
  // Of the sixteen five were sent; the others are executed anew.
  expect(new Set(executed.slice(6))).toEqual(new Set([1]))
  expect(sent).toEqual(all)
})

it('who reads slowly is sent what may be shown to them then, as it is then', async () => {
  let mayBeShown = true
  const { executed, sent } = await sendAll({
    stillGiven: async (events) => events.filter((event) => mayBeShown || event % 2 === 0),
    wait: (event) =>
      event === 20
        ? new Promise((resolve) => {
            setImmediate(() => {
              mayBeShown = false
              resolve()
            })
          })
        : undefined,
  })
  expect(sent).toEqual(all.filter((event) => event <= 20 || event % 2 === 0))
  // Of the sixteen five were sent before, and of the others as many may be.
  expect(executed).toEqual([1, 2, 4, 8, 1, 16, 5, 4])
})
