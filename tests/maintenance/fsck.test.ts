import { randomUUID } from 'node:crypto'
import { cp, readdir, rename, rm, truncate, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createGitStore } from '../../src/adapters/git/git-store.ts'
import { fsckProjects } from '../../src/domain/maintenance/fsck-projects.ts'
import { tendRepository } from '../../src/domain/maintenance/maintain-project.ts'
import { defaultMaintenance } from '../../src/domain/maintenance/maintenance-settings.ts'
import type { Services } from '../../src/domain/shared/services.ts'
import { made } from '../factories/api.ts'
import { commit, gitAt, proposed, review, type ShownDiff, sqlOf } from '../factories/gate.ts'
import { addsFile, endedSprint, readyProject, rowId, startedSprint, validatedSpec } from '../factories/pipeline.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { makeOlder } from './old-repository.ts'

let server: TestServer
let services: Services
/** What the tests that change nothing but files or references look at, each in a copy of its repository. */
let shared: Stored
beforeAll(async () => {
  server = await startTestServer()
  services = server.context.services
  shared = await storedProject()
})
afterAll(() => server[Symbol.asyncDispose]())

const { signal } = new AbortController()
const hour = 3_600_000

const repositories = () => join(server.config.dataDir, 'repositories')

/** The repositories as another process sees them. */
const freshStore = (root = repositories(), onSpawn?: (argv: readonly string[]) => void) => {
  const places = { root, scratch: join(server.config.dataDir, 'scratch') }
  return createGitStore({ ...places, allowedProtocols: [], allowedHosts: [], ...(onSpawn && { onSpawn }) })
}

/** The faults of a project, each as its line begins. */
const faultsOf = async (projectId: string, root?: string): Promise<string[]> => {
  const lines: string[] = []
  await using git = freshStore(root)
  for await (const { faults } of fsckProjects({ em: services.em, git }, { projectId: rowId(projectId), signal })) {
    for (const { what, id, problem, remedy } of faults) {
      expect(remedy).toMatch(/\.$/)
      lines.push(`${what} ${id}: ${problem}`)
    }
  }
  return lines
}

interface Stored {
  readonly projectId: string
  readonly directory: string
  readonly committed: ShownDiff
  readonly open: ShownDiff
  readonly versionId: string
}

/** A project with a committed diff, an open one, and a version of the first. */
const storedProject = async (): Promise<Stored> => {
  const projectId = await readyProject(server)
  const committed = await proposed(server, projectId, { content: addsFile('done.txt', ['done']) })
  await review(server, committed)
  expect(await commit(server, committed.id)).toMatchObject({ status: 'COMMITTED' })
  const open = await proposed(server, projectId, { content: addsFile('in/open.txt', ['open']) })
  const versionId = await made(server, 'createVersion', { input: { projectId, message: 'The first' } })
  return { projectId, directory: services.git.directory(rowId(projectId)), committed, open, versionId }
}

interface Copied extends Stored, AsyncDisposable {
  readonly git: (...args: string[]) => Promise<string>
  readonly faults: () => Promise<string[]>
}

/** The shared project's rows with a repository of one's own. */
const copied = async (): Promise<Copied> => {
  const place = await temporaryDirectory()
  const { projectId } = shared
  const directory = join(place.path, basename(shared.directory))
  await cp(shared.directory, directory, { recursive: true, preserveTimestamps: true })
  return {
    ...shared,
    directory,
    git: (...args) => gitAt(directory, ...args),
    faults: () => faultsOf(projectId, place.path),
    [Symbol.asyncDispose]: () => place[Symbol.asyncDispose](),
  }
}

const loose = (directory: string, id: string) => join(directory, 'objects', id.slice(0, 2), id.slice(2))

const rowOf = async (diff: ShownDiff) => {
  const [row] = await sqlOf(server, 'select result_tree, base_tree, commit_oid from diff where id = $1', [
    rowId(diff.id),
  ])
  return row as { result_tree: string; base_tree: string; commit_oid: string | null }
}

const change = async (table: string, id: string, column: string, value: unknown) =>
  sqlOf(server, `update ${table} set ${column} = $2 where id = $1`, [rowId(id), value])

describe.concurrent('fsck', () => {
  it('finds nothing wrong with what work of every kind stores, before and after maintenance', async () => {
    const { projectId } = await storedProject()
    const sprintId = await startedSprint(server, await validatedSpec(server, projectId))
    expect(await endedSprint(server, sprintId)).toBe('COMPLETED')
    expect(await faultsOf(projectId)).toEqual([])
    const longAfter = { ...defaultMaintenance, objectAgeMs: -60_000, refAgeMs: -60_000 }
    await tendRepository(services, rowId(projectId), longAfter, signal)
    expect(await faultsOf(projectId)).toEqual([])
  })

  it('a missing blob is told', async () => {
    await using repository = await copied()
    const blob = await repository.git('rev-parse', 'main:done.txt')
    await rm(loose(repository.directory, blob))
    const faults = await repository.faults()
    expect(faults).toContainEqual(expect.stringContaining(`repository null: missing blob ${blob}`))
    expect(faults.join()).toContain('version')
  })

  it('a missing tree is told with the diff whose it is', async () => {
    await using repository = await copied()
    const { directory, open } = repository
    const { result_tree } = await rowOf(open)
    await rm(loose(directory, result_tree))
    expect(await repository.faults()).toContain(
      `diff ${rowId(open.id)}: Its result tree ${result_tree} is not in the repository, or cannot be read.`,
    )
  })

  it.each([0, 1, 15])('an object cut short to %i bytes is told', async (length) => {
    await using repository = await copied()
    const blob = await repository.git('rev-parse', 'main:done.txt')
    await truncate(loose(repository.directory, blob), length)
    expect((await repository.faults()).join('\n')).toContain(blob.slice(2))
  })

  it('a branch whose commit is cut short is told, and all else is looked at all the same', async () => {
    const { projectId, directory, committed, open } = await storedProject()
    const { commit_oid } = await rowOf(committed)
    await truncate(loose(directory, String(commit_oid)), 20)
    await change('diff', open.id, 'content', 'something else')
    const faults = await faultsOf(projectId)
    expect(faults.join('\n')).toContain(String(commit_oid).slice(2))
    expect(faults).toContain(`diff ${rowId(open.id)}: Its content does not have the stored hash.`)
  })

  it('a missing pack is told', async () => {
    const { projectId, directory, open } = await storedProject()
    await tendRepository(services, rowId(projectId), defaultMaintenance, signal)
    const packs = join(directory, 'objects', 'pack')
    for (const name of await readdir(packs)) if (name.endsWith('.pack')) await rm(join(packs, name))
    const faults = await faultsOf(projectId)
    expect(faults.join('\n')).toContain(`diff ${rowId(open.id)}: Its result tree`)
  })

  it('a reference to nothing is told', async () => {
    await using repository = await copied()
    await writeFile(join(repository.directory, 'refs', 'heads', 'astray'), `${'0123456789'.repeat(4)}\n`)
    expect((await repository.faults()).join('\n')).toContain('refs/heads/astray: invalid sha1 pointer')
  })

  it('a missing repository is told', async () => {
    await using repository = await copied()
    const { directory } = repository
    await rename(directory, `${directory}.away`)
    expect(await repository.faults()).toEqual([`repository null: There is none at ${directory}.`])
  })

  it('a repository without its HEAD file is told', async () => {
    await using repository = await copied()
    await rm(join(repository.directory, 'HEAD'))
    expect((await repository.faults())[0]).toMatch(/^repository null: /)
  })

  it('a lost reference of a diff or version is told', async () => {
    await using repository = await copied()
    const { open, versionId } = repository
    for (const ref of [`diffs/${rowId(open.id)}`, `versions/${rowId(versionId)}`]) {
      await repository.git('update-ref', '-d', `refs/countersign/${ref}`)
    }
    const faults = await repository.faults()
    expect(faults).toHaveLength(2)
    expect(faults).toContainEqual(expect.stringContaining(`diff ${rowId(open.id)}: Its reference refs/countersign`))
    expect(faults).toContainEqual(expect.stringContaining(`version ${rowId(versionId)}: Its reference`))
  })

  it('a reference that keeps something else is told', async () => {
    await using repository = await copied()
    const { open } = repository
    await repository.git('update-ref', `refs/countersign/diffs/${rowId(open.id)}`, 'main')
    expect(await repository.faults()).toEqual([
      expect.stringContaining(`diff ${rowId(open.id)}: Its reference refs/countersign/diffs/${rowId(open.id)} keeps`),
    ])
  })

  it('a reference without its row is told when it is old, and not when a proposal may be under way', async () => {
    await using repository = await copied()
    const orphan = 'refs/countersign/diffs/00000000-0000-4000-8000-000000000000'
    await repository.git('update-ref', orphan, 'main')
    const fetching = `refs/countersign/fetch/${Date.now()}-${randomUUID()}`
    await repository.git('update-ref', fetching, 'main')
    expect(await repository.faults()).toEqual([])
    await makeOlder(join(repository.directory, 'refs'), 2 * hour)
    expect((await repository.faults()).sort()).toEqual([
      `reference ${orphan}: It keeps a commit that no row needs.`,
      `reference ${fetching}: It keeps a commit that no row needs.`,
    ])
    await repository.git('update-ref', 'refs/countersign/mine/too', 'main')
    expect(await repository.faults()).toContain(
      'reference refs/countersign/mine/too: It is none that Countersign makes.',
    )
  })

  it('a branch that somebody moved back is told, with the commits that it does not reach any more', async () => {
    await using repository = await copied()
    const { committed } = repository
    const { commit_oid } = await rowOf(committed)
    await repository.git('update-ref', 'refs/heads/main', committed.baseCommit)
    const faults = await repository.faults()
    expect(faults).toEqual([
      `branch main: The project's row has it at ${commit_oid}, and in the repository it is at ${committed.baseCommit}.`,
      `diff ${rowId(committed.id)}: It is COMMITTED and the branch main does not reach its commit ${commit_oid}.`,
    ])
  })

  it('a branch that is gone is told', async () => {
    await using repository = await copied()
    await repository.git('update-ref', '-d', 'refs/heads/main')
    expect((await repository.faults()).join('\n')).toContain('branch main: ')
  })

  it("a diff's tree put in the place of another one is told", async () => {
    const { projectId, open } = await storedProject()
    await change('diff', open.id, 'result_tree', (await rowOf(open)).base_tree)
    expect((await faultsOf(projectId)).join('\n')).toContain('which is not what the row says')
  })

  it('a content of an unfinished workspace that is missing is told, and so is a stored digest changed by hand', async () => {
    const { projectId, directory, open } = await storedProject()
    const id = rowId(projectId)
    const { result_tree } = await rowOf(open)
    const lost = Buffer.from('lost\n')
    const tree = await services.git.changeTree(id, result_tree, [{ path: 'in/lost.txt', content: lost }])
    await sqlOf(
      server,
      `insert into agent_run (id, project_id, purpose, role, status, message, history, start_tree, subagents, created_by_id, created_at)
       select gen_random_uuid(), $1, 'CODING', 'coder', 'RUNNING', 'A run', '[]', $2, '[]', id, now() from actor limit 1`,
      [id, tree],
    )
    expect(await faultsOf(projectId)).toEqual([])
    const blob = (await services.git.readFile(id, tree, 'in/lost.txt'))?.objectId ?? ''
    await rm(loose(directory, blob))
    await sqlOf(server, 'update blob_digest set sha256 = $2 where project_id = $1', [id, '0'.repeat(64)])
    const faults = await faultsOf(projectId)
    expect(faults).toContain(
      `repository null: The object ${blob} is missing in a tree that a run, sprint or test run speaks of.`,
    )
    expect(faults).toContainEqual(expect.stringContaining('Its stored SHA-256 or size is not that of the content.'))
  })

  it('nothing is told of a project in which people are at work', async () => {
    const { projectId } = await storedProject()
    let working = true
    const looks: string[][] = []
    const looking = (async () => {
      while (working) looks.push(await faultsOf(projectId))
    })()
    for (let index = 0; index < 4; index++) {
      const diff = await proposed(server, projectId, { content: addsFile(`f${index}.txt`, ['f']) })
      await review(server, diff)
      expect(await commit(server, diff.id)).toMatchObject({ status: 'COMMITTED' })
      await tendRepository(services, rowId(projectId), defaultMaintenance, signal)
    }
    working = false
    await looking
    expect(looks.flat()).toEqual([])
    expect(looks.length).toBeGreaterThan(0)
  })
})

describe('fsck, of one project whose rows are changed by hand and put back,', () => {
  // Each finds its own change alone: whatever an earlier one left would be told here.
  afterAll(async () => expect(await faultsOf(shared.projectId)).toEqual([]))

  const faultsWith = async (table: string, id: string, column: string, value: unknown): Promise<string[]> => {
    const [row] = await sqlOf(server, `select ${column} as was from ${table} where id = $1`, [rowId(id)])
    await change(table, id, column, value)
    const faults = await faultsOf(shared.projectId)
    await change(table, id, column, row?.was)
    return faults
  }

  it.each([
    ['content', 'something else', 'Its content does not have the stored hash.'],
    ['content_hash', '0'.repeat(64), 'Its content does not have the stored hash.'],
    ['base_commit', '1'.repeat(40), `Its base commit ${'1'.repeat(40)} is not in the repository, or cannot be read.`],
    ['base_tree', 'no id at all', 'Its base tree no id at all is not in the repository, or cannot be read.'],
    ['result_tree', '2'.repeat(40), `Its result tree ${'2'.repeat(40)} is not in the repository, or cannot be read.`],
    ['commit_oid', '3'.repeat(40), 'It is PROPOSED and has a commit.'],
    ['status', 'COMMITTED', 'It is COMMITTED and has no commit.'],
    ['status', 'COMMITTING', 'It is COMMITTING and has no commit intent.'],
  ])("a diff's %s changed by hand is told", async (column, value, problem) => {
    const { open } = shared
    expect(await faultsWith('diff', open.id, column, value)).toContain(`diff ${rowId(open.id)}: ${problem}`)
  })

  it.each([
    ['manifest_hash', '0'.repeat(64), 'Its manifest, made again from the contents, is'],
    ['file_count', 99, 'Its manifest, made again from the contents, is'],
    ['tree', '4'.repeat(40), `Its tree ${'4'.repeat(40)} is not in the repository`],
    ['commit_oid', '5'.repeat(40), `Its commit ${'5'.repeat(40)} is not in the repository`],
  ])("a version's %s changed by hand is told", async (column, value, problem) => {
    const { versionId } = shared
    const faults = await faultsWith('version', versionId, column, value)
    expect(faults).toContainEqual(expect.stringContaining(`version ${rowId(versionId)}: ${problem}`))
  })
})

it('looks at a project with few processes, however many rows it has', async () => {
  const { projectId } = await storedProject()
  const processes = async () => {
    const children: string[] = []
    await using git = freshStore(repositories(), (argv) => children.push(argv.join(' ')))
    for await (const { faults } of fsckProjects({ em: services.em, git }, { projectId: rowId(projectId), signal })) {
      expect(faults).toEqual([])
    }
    return children.length
  }
  const few = await processes()
  for (let index = 0; index < 6; index++) {
    await proposed(server, projectId, { content: addsFile(`more${index}.txt`, ['more']) })
  }
  expect(await processes()).toBe(few)
})
