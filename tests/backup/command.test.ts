import { execFileSync, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, inject, it } from 'vitest'
import { connect } from '../../src/adapters/backup/catalog.ts'
import { copyOut } from '../../src/adapters/backup/copy-rows.ts'
import { backupLock } from '../../src/domain/maintenance/backup-lock.ts'
import { countersign, jsonLines, machine, main } from '../support/command.ts'
import { type TemporaryDirectory, temporaryDirectory } from '../support/temporary-directory.ts'
import { addProject, newPlace, type Place } from './places.ts'

const projectId = randomUUID()
const stack = new AsyncDisposableStack()
let from: Place
let files: TemporaryDirectory
beforeAll(async () => {
  from = stack.use(await newPlace())
  files = stack.use(await temporaryDirectory(inject('files')))
  await addProject(from, projectId)
  await writeFile(join(from.dataDir, 'secret-key'), 'ab'.repeat(32))
})
afterAll(() => stack.disposeAsync())

const at = ({ databaseUrl, dataDir }: Place) => ({ DATABASE_URL: databaseUrl, DATA_DIR: dataDir })
const sound = { type: 'fsck', projects: 1, faults: 0 }

it('data moves from a server into an embedded database, and from there to a server again', async () => {
  const directory = join(files.path, 'first')
  const made = await countersign(at(from), 'backup', directory)
  expect(made).toMatchObject({ code: 0, stdout: expect.stringContaining('1 repository') })
  expect(made.stdout).toContain('It has the secrets secret-key: keep it as safe as the server.')
  expect((await stat(directory)).mode & 0o777).toBe(0o700)

  const embedded = { DATA_DIR: join(files.path, 'embedded') }
  const intoEmbedded = await countersign(embedded, 'restore', directory, '--json')
  expect(intoEmbedded.code, intoEmbedded.stderr).toBe(0)
  expect(jsonLines(intoEmbedded.stdout)).toEqual([
    expect.objectContaining({ type: 'restored', repositories: 1, notices: [] }),
    sound,
  ])

  const archive = join(files.path, 'second.tar.gz')
  const ofEmbedded = await countersign(embedded, 'backup', archive, '--json')
  expect(ofEmbedded.code, ofEmbedded.stderr).toBe(0)
  expect(jsonLines(ofEmbedded.stdout)).toEqual([
    expect.objectContaining({
      type: 'backup',
      path: archive,
      repositories: 1,
      secrets: { secretKey: true, signingKey: false },
    }),
  ])
  expect((await stat(archive)).mode & 0o777).toBe(0o600)
  // Also for whoever unpacks it without this program.
  const listed = execFileSync('tar', ['-tvzf', archive], { encoding: 'utf8' }).trim().split('\n')
  expect(listed.filter((line) => !line.startsWith('-rw------- '))).toEqual([])

  await using to = await newPlace(false)
  const intoServer = await countersign(at(to), 'restore', archive)
  expect(intoServer.code, intoServer.stderr).toBe(0)
  expect(intoServer.stdout).toContain('1 project looked at, no faults.')
  expect((await to.client.query('select id from project')).rows).toEqual([{ id: projectId }])
  expect(await readFile(join(to.dataDir, 'secret-key'), 'utf8')).toBe(`${'ab'.repeat(32)}\n`)
  expect(await readdir(files.path)).toEqual(expect.not.arrayContaining([expect.stringContaining('partial')]))
})

it('a backup that is told to end leaves nothing behind', async () => {
  // As another backup does.
  await from.client.query(`select pg_advisory_lock(${backupLock})`)
  const child = spawn(process.execPath, [main(), 'backup', join(files.path, 'never.tar.gz')], {
    env: { ...machine, ...at(from) },
  })
  const [words] = await once(child.stderr, 'data')
  expect(String(words)).toContain('waiting for another backup to end')
  child.kill('SIGINT')
  const [code] = await once(child, 'exit')
  expect(code).toBe(130)
  await from.client.query(`select pg_advisory_unlock(${backupLock})`)
  expect((await readdir(files.path)).filter((name) => name.includes('never'))).toEqual([])
})

it('a table that is being sent does not keep a backup that is told to end', async () => {
  const stop = new AbortController()
  const endless = await connect(from.databaseUrl, stop.signal)
  const { content } = copyOut(endless, 'copy (select generate_series(1, 1000000000)) to stdout')
  await once(content, 'readable')
  stop.abort(new Error('told to end'))
  await expect(content.toArray()).rejects.toThrow('Connection terminated')
  await endless.end()
})

it('nothing works on half of the rows: each process says that a restore is unfinished, and what to do', async () => {
  await using half = await newPlace(false)
  await half.client.query('create schema countersign_restoring create table project ()')
  await using rest = await newPlace()
  await writeFile(join(rest.dataDir, 'restoring'), 'another')
  const ended = await Promise.all([
    countersign({ ...at(half), PORT: '0' }, 'start'),
    countersign(at(half), 'migrate'),
    countersign(at(rest), 'worker'),
  ])
  for (const { code, stderr } of ended) {
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining('run `countersign restore` again') })
  }
  expect((await half.client.query(`select to_regclass('public.project') as there`)).rows).toEqual([{ there: null }])
  expect((await rest.client.query('select from actor')).rows).toEqual([])
})

it('what makes no sense is a matter of usage, and a damaged archive a failure; neither changes anything', async () => {
  const taken = join(files.path, 'taken.tar.gz')
  await writeFile(taken, 'Somebody needs this.')
  const [over, nowhere, nothing, damaged] = await Promise.all([
    countersign(at(from), 'backup', taken),
    countersign(at(from), 'backup', join(files.path, 'no', 'such')),
    countersign({ DATA_DIR: join(files.path, 'new') }, 'restore', join(files.path, 'no-such')),
    countersign({ DATA_DIR: join(files.path, 'new') }, 'restore', taken),
  ])
  expect(over).toMatchObject({ code: 2, stderr: expect.stringContaining('none is overwritten') })
  expect(nowhere).toMatchObject({ code: 2, stderr: expect.stringContaining('There is no directory') })
  expect(nothing).toMatchObject({ code: 2, stderr: expect.stringContaining('There is no backup') })
  expect(damaged).toMatchObject({ code: 1, stderr: expect.stringContaining('The backup is damaged') })
  expect(await readFile(taken, 'utf8')).toBe('Somebody needs this.')
  expect(await readdir(join(files.path, 'new'))).toEqual([])
})
