import { execFile } from 'node:child_process'
import { lstat, mkdir, readdir, readFile, readlink, rename, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { deflateSync, inflateSync } from 'node:zlib'
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest'
import { exportVersion } from '../../src/cli/export/command.ts'
import { createOutput } from '../../src/cli/output.ts'
import { rows } from '../../src/domain/shared/database.ts'
import { openExport } from '../../src/domain/version/open-export.ts'
import { readyProject, rowId } from '../factories/pipeline.ts'
import { machine, main } from '../support/command.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { startServerProcess } from '../support/server-process.ts'
import { fastParent, type TemporaryDirectory, temporaryDirectory } from '../support/temporary-directory.ts'
import { tarOf } from './tar.ts'
import { gitOn, shownVersion, uploadVersion, versionOf } from './versions.ts'

const run = promisify(execFile)

let server: TestServer
let scratch: TemporaryDirectory
let projectId: string
let version: string
beforeAll(async () => {
  scratch = await temporaryDirectory(inject('files'))
  server = await startTestServer({ pools: { maintenance: 4 } })
})
afterAll(async () => {
  await server[Symbol.asyncDispose]()
  await scratch[Symbol.asyncDispose]()
})

const files = [
  { name: 'a.txt', content: 'a\n' },
  { name: 'bin/run.sh', content: '#!/bin/sh\n', mode: 0o755 },
  { name: 'ü.txt', content: 'ü\n' },
]

beforeEach(async () => {
  projectId = await readyProject(server)
  const { id = '' } = await uploadVersion(server, projectId, await tarOf(files))
  version = id
})

let directories = 0
const newPlace = (): string => {
  directories += 1
  return join(scratch.path, `place-${directories}`)
}

/** The command in this process, on the test server's own stores. */
const exported = async (directory: string, id = rowId(version)) => {
  const lines: string[] = []
  const warnings: string[] = []
  const output = createOutput({
    json: true,
    quiet: false,
    stdout: { write: (text: string) => lines.push(text) },
    stderr: { write: (text: string) => warnings.push(text) },
    stdin: {},
  })
  const signal = new AbortController().signal
  const exitCode = await exportVersion({
    output,
    signal,
    version: id,
    directory,
    withVersion: async (versionId, use) => use(await openExport(server.context.services, versionId)),
  })
  return { exitCode, told: lines.map((line) => JSON.parse(line)), warnings }
}

/** The failure of an export that must leave nothing. */
const failed = async (id?: string): Promise<string> => {
  const directory = newPlace()
  const before = (await readdir(scratch.path)).sort()
  const error = await exported(directory, id).catch((fault: unknown) => fault)
  expect(error).toBeInstanceOf(Error)
  expect((await readdir(scratch.path)).sort()).toEqual(before)
  return (error as Error).message
}

/** Makes every object of the project a file of its own. @returns the path of one */
const looseObject = async (path: string): Promise<string> => {
  const directory = server.context.services.git.directory(rowId(projectId))
  const aside = newPlace()
  await rename(join(directory, 'objects', 'pack'), aside)
  await mkdir(join(directory, 'objects', 'pack'))
  for (const name of (await readdir(aside)).filter((each) => each.endsWith('.pack'))) {
    const pending = run('git', [`--git-dir=${directory}`, 'unpack-objects', '-q'])
    pending.child.stdin?.end(await readFile(join(aside, name)))
    await pending
  }
  // Its reader still has the pack open.
  await server.context.services.git[Symbol.asyncDispose]()
  const { commit } = await shownVersion(server, version)
  const id = (await gitOn(server, projectId, 'rev-parse', `${commit}:${path}`)).toString().trim()
  return join(directory, 'objects', id.slice(0, 2), id.slice(2))
}

const overwrite = async (file: string, content: Buffer): Promise<void> => {
  const fresh = `${file}.fresh`
  await writeFile(fresh, content)
  await rename(fresh, file)
}

describe('an export', () => {
  it.each([
    ['a directory that is not there yet', async (_directory: string) => {}],
    ['an empty directory', async (directory: string) => void (await mkdir(directory))],
  ])('writes the files of the version into %s', async (_name, prepare) => {
    const directory = newPlace()
    await prepare(directory)
    const { manifest } = await shownVersion(server, version)
    expect(await exported(directory)).toEqual({
      exitCode: 0,
      told: [
        {
          type: 'exported',
          versionId: rowId(version),
          directory,
          manifestHash: manifest.hash,
          fileCount: 3,
          totalBytes: manifest.totalBytes,
          leftOut: [],
        },
      ],
      warnings: [],
    })
    expect((await readdir(directory, { recursive: true })).sort()).toEqual(['a.txt', 'bin', 'bin/run.sh', 'ü.txt'])
    expect(await readFile(join(directory, 'a.txt'), 'utf8')).toBe('a\n')
    expect((await stat(join(directory, 'bin/run.sh'))).mode & 0o777).toBe(0o755)
    expect((await stat(join(directory, 'a.txt'))).mode & 0o111).toBe(0)
  })

  it('takes the id as the API gives it', async () => {
    expect((await exported(newPlace(), version)).exitCode).toBe(0)
  })

  it('makes a link that stays inside, and says which one it leaves out', async () => {
    const directory = server.context.services.git.directory(rowId(projectId))
    const withInput = async (args: readonly string[], input: string) => {
      const pending = run('git', [`--git-dir=${directory}`, ...args])
      pending.child.stdin?.end(input)
      return (await pending).stdout.trim()
    }
    const inside = await withInput(['hash-object', '-w', '--stdin'], 'file')
    const outside = await withInput(['hash-object', '-w', '--stdin'], '/etc/passwd')
    const tree = await withInput(
      ['mktree'],
      `100644 blob ${inside}\tfile\n120000 blob ${inside}\tin\n120000 blob ${outside}\tout\n`,
    )
    const identity = ['-c', 'user.name=x', '-c', 'user.email=x@example.com']
    const revision = await withInput([...identity, 'commit-tree', tree], 'Links')
    const linked = await versionOf(server, projectId, { revision })
    const place = newPlace()
    const { told, warnings } = await exported(place, linked)
    expect(told[0].leftOut).toEqual([{ path: 'out', reason: expect.stringContaining('leads out') }])
    expect(warnings.join('')).toMatch(/Left out: out, a symbolic link/)
    expect(await readlink(join(place, 'in'))).toBe('file')
    await expect(lstat(join(place, 'out'))).rejects.toThrow('ENOENT')
  })

  it.each([
    ['something that is no id', 'nothing', /no version's id/],
    ['an unknown id', '6f1c1e2a-0000-4000-8000-000000000000', /There is no version/],
  ])('of %s fails and leaves nothing', async (_name, id, message) => {
    expect(await failed(id)).toMatch(message)
  })

  it('into a place that is taken, or that has no parent, changes nothing', async () => {
    const full = newPlace()
    await mkdir(full)
    await writeFile(join(full, 'mine'), 'mine')
    await expect(exported(full)).rejects.toThrow(/is not empty/)
    await expect(exported(join(full, 'mine'))).rejects.toThrow(/is not a directory/)
    await expect(exported(join(scratch.path, 'no', 'parent'))).rejects.toThrow(/There is no directory/)
    expect(await readdir(full)).toEqual(['mine'])
  })
})

describe('an export of what was tampered with fails and leaves nothing', () => {
  it('when a byte of an object is another', async () => {
    const file = await looseObject('a.txt')
    const bytes = await readFile(file)
    bytes[bytes.length - 3] = (bytes[bytes.length - 3] ?? 0) ^ 0xff
    await overwrite(file, bytes)
    expect(await failed()).toMatch(/cannot be read from .*fsck/)
  })

  it('when an object was replaced by a sound one with another content', async () => {
    const file = await looseObject('a.txt')
    expect(inflateSync(await readFile(file)).toString()).toBe('blob 2\0a\n')
    await overwrite(file, deflateSync(Buffer.from('blob 2\0b\n')))
    expect(await failed()).toMatch(/"a\.txt" has the SHA-256 \w+, and \w+ in the manifest/)
  })

  it('when an object is gone', async () => {
    const file = await looseObject('a.txt')
    await rename(file, newPlace())
    expect(await failed()).toMatch(/cannot be read from .*fsck/)
  })

  it('when a stored digest is another', async () => {
    const db = rows(server.context.services.em())
    await db
      .updateTable('BlobDigest')
      .set({ sha256: 'f'.repeat(64) })
      .where('projectId', '=', rowId(projectId))
      .execute()
    expect(await failed()).toMatch(/manifest of version .* was .* when it was made/)
  })

  it("when the version's row names another tree", async () => {
    const { id = '' } = await uploadVersion(server, projectId, await tarOf([{ name: 'other', content: 'x' }]))
    const db = rows(server.context.services.em())
    const other = await db.selectFrom('Version').select('tree').where('id', '=', rowId(id)).executeTakeFirstOrThrow()
    await db.updateTable('Version').set({ tree: other.tree }).where('id', '=', rowId(version)).execute()
    expect(await failed()).toMatch(/manifest of version .* was .* when it was made/)
  })
})

describe('the command line', () => {
  const countersign = (args: readonly string[], env: Readonly<Record<string, string>>) =>
    run(process.execPath, [main(), ...args], { env: { ...machine, LOG_LEVEL: 'fatal', ...env } }).then(
      ({ stdout }) => ({ exitCode: 0, stdout, stderr: '' }),
      (error: { code: number; stdout: string; stderr: string }) => ({ ...error, exitCode: error.code }),
    )

  it('exports beside a running server, and tells success and failure by its exit code', async () => {
    const env = { DATABASE_URL: server.config.databaseUrl ?? '', DATA_DIR: server.config.dataDir }
    const directory = newPlace()
    const good = await countersign(['export', rowId(version), directory, '--json'], env)
    expect([good.exitCode, JSON.parse(good.stdout)]).toEqual([
      0,
      expect.objectContaining({ type: 'exported', directory, fileCount: 3 }),
    ])
    const taken = await countersign(['export', rowId(version), directory, '--json'], env)
    expect([taken.exitCode, JSON.parse(taken.stdout).type]).toEqual([2, 'failed'])
    const unknown = await countersign(['export', '6f1c1e2a-0000-4000-8000-000000000000', newPlace()], env)
    expect([unknown.exitCode, unknown.stderr]).toEqual([1, expect.stringContaining('There is no version')])
  })

  it('exports from the embedded database while its server runs, and after it has ended', async () => {
    await using data = await temporaryDirectory(await fastParent())
    const env = { DATA_DIR: data.path, SANDBOX: 'none' }
    const process = await startServerProcess(env)
    const { createProject } = await process.query(
      'mutation { createProject(input: { name: "x", source: { empty: true } }) { ... on Project { id } } }',
    )
    const status = async () =>
      (await process.query('query ($id: ID!) { node(id: $id) { ... on Project { status } } }', createProject)).node
        .status
    await expect.poll(status, { timeout: 20_000 }).toBe('READY')
    const { createVersion } = await process.query(
      'mutation ($id: ID!) { createVersion(input: { projectId: $id, message: "x" }) { ... on Version { id } } }',
      createProject,
    )
    const exportTo = (directory: string) => countersign(['export', createVersion.id, directory, '--quiet'], env)
    expect(await exportTo(newPlace())).toMatchObject({ exitCode: 0 })
    await process.end('SIGTERM')
    expect(await exportTo(newPlace())).toMatchObject({ exitCode: 0 })
  })

  it('without a database in the data directory says so and makes none', async () => {
    await using data = await temporaryDirectory()
    const answer = await countersign(['export', rowId(version), newPlace()], { DATA_DIR: join(data.path, 'none') })
    expect([answer.exitCode, answer.stderr]).toEqual([1, expect.stringContaining('There is no database in')])
    expect(await readdir(data.path)).toEqual([])
  })
})
