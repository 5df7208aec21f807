import { once } from 'node:events'
import pg from 'pg'
import WebSocket from 'ws'
import type { BenchContext, Benchmark, Comparison } from '../harness/benchmark.ts'
import { countStatements } from '../harness/count-statements.ts'
import { type Arm, paired } from '../harness/paired.ts'
import { type BenchProcess, startProcess } from '../harness/process.ts'
import { startProduct } from '../harness/product.ts'
import { makeRows, tokenOfPerson } from '../harness/rows.ts'

const full = { log: 1_000_000, back: 10_000 }
const small = { log: 3_000, back: 600 }

const document = `subscription Resume($after: String!) {
  events(after: $after) { __typename cursor at projectId ... on DiffChanged { status } }
}`

/** Subscribes, and unsubscribes when so many messages have come. @returns these */
const resume = async (url: string, after: string, count: number): Promise<readonly string[]> => {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws', {
    perMessageDeflate: false,
  })
  await once(socket, 'open')
  const acknowledged = once(socket, 'message')
  socket.send(JSON.stringify({ type: 'connection_init', payload: { authorization: `Bearer ${tokenOfPerson(1)}` } }))
  await acknowledged
  const messages: string[] = []
  const complete = new Promise<void>((resolve, reject) => {
    socket.once('close', (code, reason) => reject(new Error(`It closed the connection: ${code} ${reason}`)))
    socket.on('message', (data) => {
      messages.push(String(data))
      if (messages.length === count) resolve()
    })
  })
  socket.send(JSON.stringify({ id: '1', type: 'subscribe', payload: { query: document, variables: { after } } }))
  await complete
  const closed = once(socket, 'close')
  socket.terminate()
  await closed
  return messages
}

/** The place in the log that so many events come after. */
const placeBack = async (databaseUrl: string, back: number): Promise<string> => {
  const client = new pg.Client(databaseUrl)
  await client.connect()
  try {
    const { rows } = await client.query(
      `select xid::text || '-' || id as cursor from event order by xid desc, id desc offset $1 limit 1`,
      [back],
    )
    return rows[0].cursor
  } finally {
    await client.end()
  }
}

const measure = async (context: BenchContext): Promise<readonly Comparison[]> => {
  const { isSmall } = context
  const { log, back } = isSmall ? small : full
  const databaseUrl = await context.database()
  context.say(`making a log of ${log} events`)
  await makeRows(databaseUrl, { people: 1, projects: 20, diffs: 0, events: log })
  const after = await placeBack(databaseUrl, back)
  const places = { databaseUrl, dataDir: context.directory }
  await using product = await startProduct(places, {}, { isHere: isSmall })
  const script = new URL('sql-process.ts', import.meta.url)
  await using bare = await startProcess<{ readonly url: string }>(script, { databaseUrl })
  // Rates by the second of the server's CPU: others on the machine do not change them.
  const sample = async (server: BenchProcess<unknown>, work: () => Promise<unknown>) => {
    const before = await server.cpuMs()
    await work()
    return (back / ((await server.cpuMs()) - before)) * 1_000
  }
  const overSocket = (server: BenchProcess<{ readonly url: string }>): Arm => {
    const work = () => resume(server.ready.url, after, back)
    return { output: work, sample: () => sample(server, work) }
  }
  const arms = { ours: overSocket(product), reference: overSocket(bare) }
  context.say(`going on ${back} events back`)
  const sent = await paired(context, { rounds: 15, warmUp: 3, arms })
  const read = () => bare.ask<number>('read', after)
  const bareRead: Arm = {
    output: async () => back,
    sample: () => sample(bare, read),
  }
  const readAlone = await paired(context, {
    rounds: 15,
    warmUp: 3,
    arms: { ours: { ...arms.ours, output: read }, reference: bareRead },
  })
  const statementsOf = async (count: number) => {
    const place = await placeBack(databaseUrl, count)
    const { statements } = await countStatements(product, () => resume(product.ready.url, place, count))
    return statements
  }
  const counts = {
    [`statements for ${back} events`]: await statementsOf(back),
    [`statements for ${back / 2} events`]: await statementsOf(back / 2),
  }
  const name = `${back} events behind in a log of ${log}, by the second of CPU`
  return [
    {
      name,
      reference: 'the SQL that reads them',
      unit: 'messages/s',
      ...readAlone,
      goal: { atLeast: 0.7 },
      counts,
      note: 'The reference reads the rows and does nothing with them.',
    },
    {
      name,
      reference: 'the same SQL, and a bare ws server that sends the same messages',
      unit: 'messages/s',
      ...sent,
      goal: null,
    },
  ]
}

export const benchmark: Benchmark = {
  name: 'resume',
  about:
    'A subscription with a cursor some ten thousand events back in a log of a million, until the last of them has come, against the bare SQL that reads them, and against that SQL behind a bare ws server.',
  measure,
}
