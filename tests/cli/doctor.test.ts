import { writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { limited, missing, ok } from '../../src/cli/doctor/check.ts'
import { checkProviders } from '../../src/cli/doctor/providers.ts'
import { renderChecks } from '../../src/cli/doctor/report.ts'
import { checkBubblewrap, checkDocker, checkSandbox } from '../../src/cli/doctor/sandbox.ts'
import { checkDatabase, checkRedis, withoutSecrets } from '../../src/cli/doctor/services.ts'
import { checkDataDir, checkDisk } from '../../src/cli/doctor/storage.ts'
import { checkGit, checkNode, checkPython, isAtLeast } from '../../src/cli/doctor/tools.ts'
import { plainStyle } from '../../src/cli/render/style.ts'
import { widthOf } from '../../src/cli/render/width.ts'
import { readConfig } from '../../src/config.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

test.each([
  ['git version 2.38.0', true],
  ['git version 2.37.9', false],
  ['git version 3.0', true],
  ['nothing', null],
] as const)('%s is at least 2.38: %s', (text, expected) => {
  expect(isAtLeast(text, [2, 38])).toBe(expected)
})

test('an old node and absent programs are found missing, with what to do', async () => {
  expect(checkNode('20.20.2')).toMatchObject({ status: 'missing', remedy: expect.stringContaining('npm') })
  const nowhere = readConfig({ PATH: '/nowhere' })
  expect(await checkGit(nowhere)).toMatchObject({ status: 'missing', remedy: expect.stringContaining('git') })
  expect(await checkPython(nowhere)).toMatchObject({ status: 'limited' })
})

const noEngine = { PATH: process.env.PATH, DOCKER_HOST: 'unix:///nowhere/docker.sock' }

test('a driver that was asked for and is not there is missing, with what to install', async () => {
  const config = readConfig({ ...noEngine, SANDBOX: 'docker' })
  expect(await checkSandbox(config)).toMatchObject({
    status: 'missing',
    detail: expect.stringContaining('SANDBOX=docker'),
  })
  expect(await checkDocker(config)).toMatchObject({
    status: 'missing',
    detail: 'There is no Docker engine at /nowhere/docker.sock.',
    remedy: expect.stringContaining('docker.io'),
  })
})

test('a driver that nobody asked for is no fault, and it is said how to have it', async () => {
  const found = await checkDocker(readConfig({ ...noEngine, SANDBOX: 'bubblewrap' }))
  expect(found).toMatchObject({ status: 'ok', detail: expect.stringMatching(/^not used; .* To have it: .*docker\.io/) })
  const unused = await checkBubblewrap(readConfig({ ...noEngine, SANDBOX: 'none' }))
  expect(unused.status).toBe('ok')
})

test('no isolation is said to be none, though it was asked for', async () => {
  expect(await checkSandbox(readConfig({ ...noEngine, SANDBOX: 'none' }))).toMatchObject({
    status: 'limited',
    detail: expect.stringContaining('no isolation'),
  })
})

test.each([
  { env: { OPENAI_API_KEY: 'k', ANTHROPIC_API_KEY: 'k' }, status: 'ok', says: 'OPENAI and ANTHROPIC configured' },
  { env: {}, status: 'limited', says: 'no model, plays OPENAI and ANTHROPIC in start and demo' },
  { env: { REHEARSAL: 'always' }, status: 'limited', says: 'everywhere' },
  { env: { REHEARSAL: 'never' }, status: 'missing', says: 'REHEARSAL=never' },
  { env: { REHEARSAL: 'never', OPENAI_BASE_URL: 'http://host/v1' }, status: 'limited', says: 'works alone' },
] as const)('providers with $env: $status', ({ env, status, says }) => {
  expect(checkProviders(readConfig(env))).toMatchObject({ status, detail: expect.stringContaining(says) })
})

test('no password of a URL is shown', async () => {
  expect(withoutSecrets('postgres://user:hunter2@host:5432/name?x=hunter2')).toBe('postgres://host:5432/name')
  const server = createServer((socket) => socket.destroy())
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  try {
    const config = readConfig({
      DATABASE_URL: `postgres://u:hunter2@127.0.0.1:${port}/d`,
      REDIS_URL: `redis://:hunter2@127.0.0.1:${port}`,
    })
    const found = await Promise.all([checkDatabase(config), checkRedis(config)])
    expect(found.map(({ status }) => status)).toEqual(['missing', 'missing'])
    expect(JSON.stringify(found)).not.toContain('hunter2')
  } finally {
    await new Promise((resolve) => server.close(resolve))
  }
})

test('a data directory that is not there yet is fine where it can be made, a file in its place is not', async () => {
  await using directory = await temporaryDirectory()
  const dataDir = join(directory.path, 'a', 'b')
  expect(await checkDataDir(readConfig({ DATA_DIR: dataDir }))).toMatchObject({ status: 'ok' })
  expect((await checkDisk(readConfig({ DATA_DIR: dataDir }))).detail).toContain('GiB free')
  const file = join(directory.path, 'file')
  await writeFile(file, '')
  expect(await checkDataDir(readConfig({ DATA_DIR: file }))).toMatchObject({ status: 'missing' })
})

test('the report has the remedy below each fault, a verdict at the end, and fits', () => {
  const checks = [
    ok('node', '24'),
    limited('python3', 'absent', 'get it'),
    missing('git', `absent ${'x '.repeat(60)}`, 'apt-get install git'),
  ]
  const lines = renderChecks(checks, plainStyle, 80).split('\n')
  for (const line of lines) expect(widthOf(line)).toBeLessThanOrEqual(80)
  expect(lines.filter((line) => line.includes('To fix it:'))).toHaveLength(2)
  expect(lines.at(-1)).toBe('Countersign cannot run here yet: 1 missing.')
  expect(renderChecks(checks.slice(0, 2), plainStyle, 80)).toMatch(/Countersign can run here\.$/)
})
