import { join } from 'node:path'
import { expect, it } from 'vitest'
import { isGone, postmasterPid } from '../support/embedded-holder.ts'
import { startServerProcess } from '../support/server-process.ts'
import { fastParent, temporaryDirectory } from '../support/temporary-directory.ts'

const projectNames = '{ projects { nodes { name } } }'

it('a server on its own database that is killed leaves no PostgreSQL behind, and finds its data at the next start', async () => {
  await using directory = await temporaryDirectory(await fastParent())
  const env = { DATA_DIR: directory.path, SANDBOX: 'none' }
  const killed = await startServerProcess(env)
  await killed.query(`mutation ($input: CreateProjectInput!) { createProject(input: $input) { __typename } }`, {
    input: { name: 'kept', source: { empty: true } },
  })
  const postgres = await postmasterPid(join(directory.path, 'postgres'))
  await killed.end('SIGKILL')
  expect(await isGone(postgres)).toBe(true)

  const next = await startServerProcess(env)
  expect(next.token).toBe(killed.token)
  expect(await next.query(projectNames)).toEqual({ projects: { nodes: [{ name: 'kept' }] } })
  const second = await postmasterPid(join(directory.path, 'postgres'))
  expect(await next.end('SIGTERM')).toBe(0)
  expect(await isGone(second)).toBe(true)
})
