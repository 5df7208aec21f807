import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import WebSocket from 'ws'
import { tokenOfPerson } from '../harness/rows.ts'
import { sequenceOf, sharedNow, subscribing } from './protocol.ts'

/** Many people who follow projects, each over a connection of their own. */
export interface Subscribers extends AsyncDisposable {
  /**
   * What comes of events that are written meanwhile.
   * @param from the number of the first event, of which each follower of its project is to hear
   * @returns once all have heard of all
   */
  hear(from: number, count: number): Promise<Heard>
}

export interface Heard {
  /** By the event's number less that of the first: when each follower heard of it, on the machine's clock. */
  readonly at: readonly (readonly number[])[]
  /** The first follower's messages, in their order. */
  readonly messages: readonly string[]
}

export interface Placed {
  /** The servers; people are spread over them. */
  readonly urls: readonly string[]
  readonly people: number
  readonly projects: number
}

type Listener = (follower: number, message: string) => void

const connect = async (url: string, person: number, project: number, onMessage: (message: string) => void) => {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws', {
    perMessageDeflate: false,
  })
  await once(socket, 'open')
  const acknowledged = once(socket, 'message')
  socket.send(
    JSON.stringify({ type: 'connection_init', payload: { authorization: `Bearer ${tokenOfPerson(person)}` } }),
  )
  await acknowledged
  socket.on('message', (data) => onMessage(String(data)))
  socket.send(subscribing(project))
  return socket
}

/**
 * Connects everybody, and waits until each has heard of something: GraphQL's clients are not told when they follow.
 * @param write writes so many events from a number, each to the next project
 */
export const openSubscribers = async (
  { urls, people, projects }: Placed,
  write: (from: number, count: number) => Promise<unknown>,
): Promise<Subscribers> => {
  let listener: Listener = () => {}
  const sockets: WebSocket[] = []
  for (let person = 1; person <= people; person++) {
    // Each project has followers on each server.
    const url = urls[Math.floor((person - 1) / projects) % urls.length] ?? ''
    const onMessage = (message: string) => listener(person - 1, message)
    sockets.push(await connect(url, person, 1 + (person % projects), onMessage))
  }
  const silent = new Set(sockets.keys())
  listener = (follower) => silent.delete(follower)
  for (let from = 0; silent.size > 0; from += projects) {
    if (from > 100 * projects) throw new Error(`${silent.size} of ${people} people hear of nothing.`)
    await write(from, projects)
    await delay(100)
  }
  const followersOf = people / projects
  return {
    hear: (from, count) =>
      new Promise((resolve, reject) => {
        const at: number[][] = Array.from({ length: count }, () => [])
        const messages: string[] = []
        let missing = count * followersOf
        const timer = setTimeout(() => reject(new Error(`${missing} messages did not come.`)), 60_000)
        listener = (follower, message) => {
          const now = sharedNow()
          const index = (sequenceOf(message) ?? -1) - from
          if (at[index] === undefined) return
          at[index].push(now)
          if (follower === 0) messages.push(message)
          missing -= 1
          if (missing > 0) return
          clearTimeout(timer)
          resolve({ at, messages })
        }
      }),
    async [Symbol.asyncDispose]() {
      await Promise.all(
        sockets.map(async (socket) => {
          const closed = once(socket, 'close')
          socket.terminate()
          await closed
        }),
      )
    },
  }
}
