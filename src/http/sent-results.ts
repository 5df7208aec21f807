import type { ExecutionResult } from 'graphql'
import type { Handed, StillGiven, Take } from '../domain/shared/handed.ts'
import type { SendResults } from './result-frames.ts'

/** What is sent of events. */
export interface Shown<Event> {
  /** What is there at once, without anything being asked for it. */
  atOnce(event: Event, isShared: boolean): Buffer | undefined
  /** The others, each put together when it is asked for: a result that has errors as such. */
  inTime(events: readonly Event[], areShared: boolean): Promise<readonly (() => Buffer | ExecutionResult)[]>
  /** Whether what is shown of one event may be megabytes: those are executed one by one. */
  isHeavy(): boolean
}

/** How many events are taken, and executed, together at the most. */
const together = 16
/** Results that are larger in all are not executed together again: they would wait here for who reads slowly. */
const maxTogetherBytes = 64 * 1024

/**
 * Results that are sent as their events come. Those with errors are left to who asks for results: the first time that
 * somebody does the sending begins, and it goes on when they ask for the next one.
 * @param located says of which operation an error is
 */
export const sentResults = <Event>(
  events: Handed<Event>,
  shown: Shown<Event>,
  send: SendResults,
  located: (error: Error) => Error,
): AsyncGenerator<ExecutionResult, void, void> => {
  type Result = IteratorResult<ExecutionResult, void>
  const done: Result = { done: true, value: undefined }
  let sending: Promise<void> | undefined
  let isOver = false
  let asked: PromiseWithResolvers<Result> | undefined
  let goOn = () => {}
  let many = 1

  const answer = (): PromiseWithResolvers<Result> | undefined => {
    const waiting = asked
    asked = undefined
    return waiting
  }
  const leave = (result: ExecutionResult): Promise<void> =>
    new Promise((resolve) => {
      goOn = resolve
      answer()?.resolve({ done: false, value: result })
    })
  /** As many as are left once it has to be waited for a client: what comes after that is executed then. */
  const takeSome = async (found: readonly Event[], areShared: boolean): Promise<readonly Event[]> => {
    const results = await shown.inTime(found.slice(0, many), areShared)
    let bytes = 0
    let taken = 0
    for (const put of results) {
      if (isOver) return []
      const result = put()
      taken += 1
      bytes += Buffer.isBuffer(result) ? result.length : maxTogetherBytes
      const waiting = Buffer.isBuffer(result) ? send([result], !areShared) : leave(result)
      await waiting
      if (waiting || bytes >= maxTogetherBytes) break
    }
    many = bytes >= maxTogetherBytes || shown.isHeavy() ? 1 : Math.min(2 * many, together)
    return found.slice(taken)
  }
  const takeRest = async (
    found: readonly Event[],
    areShared: boolean,
    stillGiven: StillGiven<Event> = (some) => some,
  ): Promise<void> => {
    let rest = await stillGiven(found)
    while (rest.length > 0 && !isOver) {
      const left = await takeSome(rest, areShared)
      rest = left.length > 0 ? await stillGiven(left) : left
    }
  }
  const take: Take<Event> = (found, areShared, stillGiven) => {
    if (isOver) return
    const payloads: Buffer[] = []
    for (const event of found) {
      const payload = shown.atOnce(event, areShared)
      if (!payload) break
      payloads.push(payload)
    }
    const sent = send(payloads, !areShared)
    if (payloads.length === found.length) return sent
    const rest = found.slice(payloads.length)
    return sent ? sent.then(() => takeRest(rest, areShared, stillGiven)) : takeRest(rest, areShared, stillGiven)
  }
  const begin = (): Promise<void> =>
    events.handTo(take, together).then(
      () => {
        isOver = true
        answer()?.resolve(done)
      },
      (error: Error) => {
        isOver = true
        answer()?.reject(located(error))
      },
    )
  const end = async (): Promise<void> => {
    isOver = true
    goOn()
    answer()?.resolve(done)
    await events.return(undefined)
    await sending
  }

  return {
    async next() {
      if (isOver) return done
      asked = Promise.withResolvers()
      const { promise } = asked
      if (sending) goOn()
      else sending = begin()
      return promise
    },
    async return() {
      await end()
      return done
    },
    async throw(error) {
      await end()
      throw error
    },
    [Symbol.asyncIterator]() {
      return this
    },
    [Symbol.asyncDispose]: end,
  }
}
