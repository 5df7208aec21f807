import { afterAll, beforeAll, expect, it } from 'vitest'
import { tendRepository } from '../../src/domain/maintenance/maintain-project.ts'
import { defaultMaintenance } from '../../src/domain/maintenance/maintenance-settings.ts'
import { createCast, inTurns, says, submits, writes } from '../factories/cast.ts'
import { readyProject, rowId } from '../factories/pipeline.ts'
import { idleSession, said, talked } from '../factories/sessions.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

const cast = createCast()
let server: TestServer
beforeAll(async () => {
  server = await startTestServer({ overrides: { rehearsalOptions: cast.rehearsalOptions } })
})
afterAll(() => server[Symbol.asyncDispose]())

it('what a coder left in its workspace outlives any care for the repository, and goes on with the next message', async () => {
  const projectId = await readyProject(server)
  const task = cast.task('Begin with a.', {
    coder: inTurns(writes('a.txt', 'a\n'), says('I have begun.'), writes('b.txt', 'b\n'), submits(null, 'Write both')),
  })
  const { id } = await talked(server, projectId, task)
  const { services } = server.context
  const longAfter = { ...defaultMaintenance, objectAgeMs: -60_000, refAgeMs: -60_000 }
  for (const _pass of [1, 2]) await tendRepository(services, rowId(projectId), longAfter, new AbortController().signal)
  await said(server, id, 'Go on.')
  const { diffs } = await idleSession(server, id, 2)
  expect(diffs.nodes).toMatchObject([{ status: 'EVALUATOR_APPROVED', files: [{ path: 'a.txt' }, { path: 'b.txt' }] }])
})
