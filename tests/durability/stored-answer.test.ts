import { expect, it } from 'vitest'
import { answersJson, assessment } from '../factories/cast.ts'
import { readyProject, rowId } from '../factories/pipeline.ts'
import { startTestServer } from '../support/server.ts'

it('an answer that was paid for is stored once the database is back, and not bought again', async () => {
  // The connection is lost around the first two commits of an answer: before the first one, and after the second one.
  let losses = 0
  await using server = await startTestServer({
    overrides: {
      rehearsalOptions: { intercept: () => answersJson({ questions: [], assessment }) },
      intercept: {
        em(em) {
          if (!new Error('here').stack?.includes('storeOnce')) return em
          const { commit } = em
          em.commit = async () => {
            losses += 1
            if (losses === 1) throw new Error('Connection terminated unexpectedly')
            await commit.call(em)
            if (losses === 2) throw new Error('Connection terminated unexpectedly')
          }
          return em
        },
        git: (git) => git,
        models: (models) => models,
        queues: (queues) => queues,
      },
    },
  })
  const projectId = await readyProject(server)
  const { createSpec } = await server.query(
    'mutation ($input: CreateSpecInput!) { createSpec(input: $input) { ... on Spec { id } } }',
    { input: { projectId, task: 'Do it.', mode: 'SINGLE' } },
  )
  const specId = rowId(createSpec.id)
  await server.event('InterviewChanged', (body) => body.specId === specId && body.status === 'ANSWERED')

  expect(losses).toBe(3)
  expect(server.context.rehearsal?.calls()).toHaveLength(1)
  const calls = await server.context.services.em().getConnection().execute('select status from model_call')
  expect(calls).toEqual([{ status: 'ANSWERED' }])
  const told = await server.context.services
    .em()
    .getConnection()
    .execute(`select 1 as one from event where body ->> 'type' = 'TokensUsed'`)
  expect(told).toHaveLength(1)
})
