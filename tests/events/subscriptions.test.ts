import { createClient } from 'graphql-ws'
import { afterAll, beforeAll, expect, it } from 'vitest'
import WebSocket from 'ws'
import { endedSprint, readyProject, startedSprint, validatedSpec } from '../factories/pipeline.ts'
import { type GraphQLAnswer, startTestServer, type TestServer } from '../support/server.ts'
import { subscribeBySse } from '../support/server-sent-events.ts'

let server: TestServer
beforeAll(async () => {
  // Slow enough that a sprint's events come one by one.
  server = await startTestServer({ overrides: { rehearsalOptions: { wordDelayMs: 2 } } })
})
afterAll(() => server[Symbol.asyncDispose]())

const projectEvents = `subscription ($id: ID!, $after: String) {
  projectEvents(projectId: $id, after: $after) { __typename cursor ... on SprintChanged { status } ... on DiffChanged { became: status } }
}`
const endOfSprint = ({ __typename, status }: { __typename: string; status?: string }) =>
  __typename === 'SprintChanged' && status === 'COMPLETED'

type Shown = { __typename: string; cursor: string; status?: string }
const shown = (answer: GraphQLAnswer): Shown => {
  if (answer.errors) throw new Error(JSON.stringify(answer.errors))
  return answer.data.projectEvents
}

const untilTheEnd = async (answers: AsyncIterable<GraphQLAnswer>): Promise<Shown[]> => {
  const events: Shown[] = []
  for await (const answer of answers) {
    events.push(shown(answer))
    if (endOfSprint(shown(answer))) return events
  }
  throw new Error('The subscription ended before the sprint.')
}

/** Reads so many events over a connection of its own, and then pulls the plug. */
const cutAfter = (count: number, id: string, after: string): Promise<Shown[]> =>
  new Promise((resolve, reject) => {
    const events: Shown[] = []
    const client = createClient({
      url: `${server.url.replace('http', 'ws')}/graphql`,
      webSocketImpl: WebSocket,
      connectionParams: { authorization: `Bearer ${server.token}` },
      retryAttempts: 0,
      lazy: false,
      onNonLazyError: () => {},
    })
    let socket: WebSocket
    client.on('opened', (opened) => {
      socket = opened as WebSocket
    })
    client.subscribe(
      { query: projectEvents, variables: { id, after } },
      {
        next(answer) {
          if (events.length === count) return
          events.push(shown(answer as GraphQLAnswer))
          if (events.length < count) return
          socket.terminate()
          resolve(events)
        },
        error: () => (events.length === count ? undefined : reject(new Error('The subscription failed.'))),
        complete: () => reject(new Error('The subscription ended.')),
      },
    )
  })

const cutSseAfter = async (count: number, id: string, after: string): Promise<Shown[]> => {
  const stop = new AbortController()
  const events: Shown[] = []
  for await (const answer of subscribeBySse(server, projectEvents, { id, after }, stop.signal)) {
    events.push(shown(answer))
    if (events.length === count) break
  }
  stop.abort()
  return events
}

it('a subscriber that is cut again and again in a sprint sees what one sees that is not: over WebSocket and SSE', async () => {
  const id = await readyProject(server)
  const { eventCursor: start } = await server.query('{ eventCursor }')
  const calm = [0, 1, 2].map(() => untilTheEnd(server.subscribe(projectEvents, { id, after: start })))
  const stop = new AbortController()
  const calmOverSse = untilTheEnd(subscribeBySse(server, projectEvents, { id, after: start }, stop.signal))
  const cutOften = async (cut: typeof cutAfter) => {
    const seen: Shown[] = []
    for (const count of [1, 2, 3, 5, 8]) seen.push(...(await cut(count, id, seen.at(-1)?.cursor ?? start)))
    return [...seen, ...(await untilTheEnd(server.subscribe(projectEvents, { id, after: seen.at(-1)?.cursor })))]
  }
  const cut = [cutOften(cutAfter), cutOften(cutSseAfter)]
  const sprintId = await startedSprint(server, await validatedSpec(server, id))
  const [uninterrupted, ...others] = await Promise.all([...calm, calmOverSse, ...cut])
  stop.abort()
  expect(await endedSprint(server, sprintId)).toBe('COMPLETED')
  if (!uninterrupted) throw new Error('unreachable')
  expect(uninterrupted.length).toBeGreaterThan(25)
  expect(new Set(uninterrupted.map(({ cursor }) => cursor)).size).toBe(uninterrupted.length)
  for (const other of others) expect(other).toEqual(uninterrupted)
  const late = await untilTheEnd(server.subscribe(projectEvents, { id, after: start }))
  expect(late).toEqual(uninterrupted)
})

it('the API answers at once while every worker is busy', async () => {
  const id = await readyProject(server)
  const sprints = await Promise.all([1, 2].map(async () => startedSprint(server, await validatedSpec(server, id))))
  const ended = Promise.all(sprints.map((sprint) => endedSprint(server, sprint)))
  let slowest = 0
  for (let count = 0; count < 40; count++) {
    const startedAt = performance.now()
    await server.query('query ($id: ID!) { node(id: $id) { ... on Sprint { status phases { kind } } } }', {
      id: sprints[0],
    })
    slowest = Math.max(slowest, performance.now() - startedAt)
  }
  expect(slowest).toBeLessThan(2_000)
  expect(await ended).toEqual(['COMPLETED', 'COMPLETED'])
})
