import { afterAll, beforeAll, expect, it } from 'vitest'
import {
  builtEnvironment,
  committed,
  createHold,
  environmentWhen,
  setEnvironment,
  shell,
  shownEnvironment,
} from '../factories/environments.ts'
import { sqlOf } from '../factories/gate.ts'
import { actorWithToken, addsFile, readyProject, rowId } from '../factories/pipeline.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer({ rehearsal: false })
})
afterAll(() => server[Symbol.asyncDispose]())

const buildsOf = async (projectId: string) =>
  (await sqlOf(server, 'select status, finished_at from environment where project_id = $1 order by created_at', [
    rowId(projectId),
  ])) as readonly { status: string; finished_at: Date | null }[]

it('a project sets nothing up until an ADMIN says so, and then it is built at once, its log there to be read', async () => {
  const projectId = await readyProject(server)
  const none = { setupCommands: [], keyFiles: [], image: null, status: 'SUCCEEDED', log: null }
  expect(await shownEnvironment(server, projectId)).toEqual(none)
  await using hold = await createHold()
  const setupCommands = [shell('echo one; echo two >&2'), hold.command, shell('echo three')]
  const answer = await setEnvironment(server, projectId, { setupCommands, keyFiles: ['missing.json'] })
  expect(answer).toMatchObject({ __typename: 'Project', environment: { setupCommands, keyFiles: ['missing.json'] } })
  await hold.arrived(1)
  const growing = await environmentWhen(server, projectId, ({ log }) => log?.includes('two') ?? false)
  expect(growing).toMatchObject({ status: 'RUNNING', log: expect.not.stringContaining('three') })
  hold.letGo()
  const built = await builtEnvironment(server, projectId)
  expect(built.status).toBe('SUCCEEDED')
  expect(built.log).toMatch(
    /^(\[.*\]\n)*\$ sh -c "echo one; echo two >&2"\none\ntwo\n\$ node .*\n\$ sh -c "echo three"\nthree\n$/,
  )
  expect((await setEnvironment(server, projectId, { setupCommands: [], keyFiles: null })).environment).toEqual(none)
})

it('a command that fails ends the build: its number, status and output are in the log', async () => {
  const projectId = await readyProject(server)
  const setupCommands = [
    ['true'],
    shell('echo "no \u001b[31msuch\u001b[0m thing\u0007" >&2; exit 3'),
    shell('echo never'),
  ]
  await setEnvironment(server, projectId, { setupCommands })
  const { status, log } = await builtEnvironment(server, projectId)
  expect(status).toBe('FAILED')
  expect(log).toContain('no such thing\n[Command 2 of 3 ended with exit status 3.]')
  expect(log).not.toContain('never')
  const missing = await setEnvironment(server, projectId, { setupCommands: [['no-such-program']] })
  expect(missing.environment.status).toMatch(/PENDING|RUNNING|FAILED/)
  expect((await builtEnvironment(server, projectId)).log).toMatch(/no-such-program[\s\S]*\[Command 1 of 1 ended with/)
})

it('the same call again builds nothing, but tries again what failed', async () => {
  const projectId = await readyProject(server)
  const works = { setupCommands: [['true']] }
  await setEnvironment(server, projectId, works)
  await builtEnvironment(server, projectId)
  const before = await buildsOf(projectId)
  expect((await setEnvironment(server, projectId, works)).environment.status).toBe('SUCCEEDED')
  expect((await setEnvironment(server, projectId, {})).environment).toMatchObject({ status: 'SUCCEEDED', ...works })
  expect(await buildsOf(projectId)).toEqual(before)
  const fails = { setupCommands: [['false']] }
  await setEnvironment(server, projectId, fails)
  await builtEnvironment(server, projectId)
  const [, first] = await buildsOf(projectId)
  expect((await setEnvironment(server, projectId, {})).environment.status).toMatch(/PENDING|RUNNING/)
  await builtEnvironment(server, projectId)
  const [, second] = await buildsOf(projectId)
  expect(second?.status).toBe('FAILED')
  expect(second?.finished_at?.getTime()).toBeGreaterThan(first?.finished_at?.getTime() ?? 0)
})

it('another environment ends the build of the one before, with what that runs', async () => {
  const projectId = await readyProject(server)
  await using hold = await createHold()
  await setEnvironment(server, projectId, { setupCommands: [hold.command] })
  await hold.arrived(1)
  await setEnvironment(server, projectId, { setupCommands: [['true']] })
  expect((await builtEnvironment(server, projectId)).status).toBe('SUCCEEDED')
  expect((await buildsOf(projectId)).map(({ status }) => status)).toEqual(['CANCELED', 'SUCCEEDED'])
  // And what was canceled can be had again.
  hold.letGo()
  await setEnvironment(server, projectId, { setupCommands: [hold.command] })
  expect((await builtEnvironment(server, projectId)).status).toBe('SUCCEEDED')
})

it('commands see the key files of the head, and nothing else of the project', async () => {
  const projectId = await readyProject(server)
  await committed(server, projectId, addsFile('sub/lock.txt', ['locked']))
  await committed(server, projectId, addsFile('secret.txt', ['not for setup']))
  const setupCommands = [shell('find . -type f; cat sub/lock.txt')]
  await setEnvironment(server, projectId, { setupCommands, keyFiles: ['sub/lock.txt', 'sub'] })
  expect((await builtEnvironment(server, projectId)).log).toMatch(/\n\.\/sub\/lock\.txt\nlocked\n$/)
})

it('is for an ADMIN, on a project that is in use, and names what is wrong in the input', async () => {
  const projectId = await readyProject(server)
  const reviewer = await actorWithToken(server, { role: 'REVIEWER' })
  const setupCommands = [['true']]
  expect((await setEnvironment(server, projectId, { setupCommands }, reviewer.token)).__typename).toBe('ForbiddenError')
  const stranger = await actorWithToken(server, {})
  expect((await setEnvironment(server, projectId, { setupCommands }, stranger.token)).__typename).toBe('NotFoundError')
  const wrong: readonly (readonly [object, string])[] = [
    [{ setupCommands: [[]] }, 'setupCommands.0: needs a program'],
    [{ setupCommands: [['']] }, 'setupCommands.0: needs a program'],
    [{ setupCommands: [['a\u0000b']] }, 'setupCommands.0.0: must not contain NUL'],
    [{ setupCommands: Array(51).fill(['true']) }, 'setupCommands: must have at most 50'],
    [{ keyFiles: ['../outside'] }, 'keyFiles.0: must be a path'],
    [{ keyFiles: ['/etc/passwd'] }, 'keyFiles.0: must be a path'],
    [{ keyFiles: ['a', 'a'] }, 'keyFiles: names a path twice'],
    [{ image: '../etc' }, 'image: must name an image'],
    [{ image: '--privileged' }, 'image: must name an image'],
  ]
  for (const [environment, message] of wrong) {
    const answer = await setEnvironment(server, projectId, environment)
    expect(answer).toMatchObject({ __typename: 'ValidationError', message: expect.stringContaining(message) })
  }
  expect((await shownEnvironment(server, projectId)).status).toBe('SUCCEEDED')
  await server.query('mutation ($id: ID!) { archiveProject(id: $id) { __typename } }', { id: projectId })
  expect((await setEnvironment(server, projectId, { setupCommands })).__typename).toBe('InvalidTransitionError')
})
