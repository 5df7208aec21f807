import { expect, it } from 'vitest'
import { addsFile } from '../factories/pipeline.ts'
import { createTestDatabase } from '../support/database.ts'
import { isLong } from '../support/long.ts'
import { startServerProcess } from '../support/server-process.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { startReceiver, verified } from './receiver.ts'

// The short form, without a process that is killed, is in deliveries.test.ts.
it.runIf(isLong)(
  'an event that had arrived when the server was killed comes again from the next one, under its id and before the next event',
  async () => {
    await using database = await createTestDatabase()
    await using directory = await temporaryDirectory()
    await using receiver = await startReceiver()
    const start = () =>
      startServerProcess(
        {
          DATABASE_URL: database.url,
          DATA_DIR: directory.path,
          REHEARSAL: 'never',
          WEBHOOK_ALLOWED_PROTOCOLS: 'http',
          WEBHOOK_ALLOWED_HOSTS: '127.0.0.1',
        },
        { leaseMs: 1_000, patience: { intervalMs: 200, waitingMs: 2_000, abandonedMs: 300 } },
      )
    receiver.reactions.push(() => {})
    let secret = ''
    {
      await using killed = await start()
      const { createProject } = await killed.query(
        'mutation { createProject(input: { name: "x", source: { template: "calculator-python" } }) { ... on Project { id } } }',
      )
      const { createWebhook } = await killed.query(
        `mutation ($input: CreateWebhookInput!) { createWebhook(input: $input) { ... on Webhook { secret } } }`,
        { input: { projectId: createProject.id, url: receiver.url, events: ['DiffChanged'] } },
      )
      secret = createWebhook.secret
      for (;;) {
        const { node } = await killed.query('query ($id: ID!) { node(id: $id) { ... on Project { status } } }', {
          id: createProject.id,
        })
        if (node.status === 'READY') break
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
      for (const name of ['one.txt', 'two.txt']) {
        await killed.query(
          `mutation ($input: ProposeDiffInput!) { proposeDiff(input: $input) { ... on DomainError { message } } }`,
          { input: { projectId: createProject.id, content: addsFile(name, ['x']), commitMessage: 'Add a file' } },
        )
      }
      await receiver.arrived(1)
      await killed.end('SIGKILL')
    }
    await using _next = await start()
    await receiver.arrived(3)
    const [first, again, second] = receiver.received
    if (!first || !again || !second) throw new Error('unreachable')
    expect(again.headers['webhook-id']).toBe(first.headers['webhook-id'])
    expect(again.body).toBe(first.body)
    expect(second.headers['webhook-id']).not.toBe(first.headers['webhook-id'])
    expect(receiver.received.map((each) => verified(secret, each).data.status)).toEqual([
      'PROPOSED',
      'PROPOSED',
      'PROPOSED',
    ])
  },
)
