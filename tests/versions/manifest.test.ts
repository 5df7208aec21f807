import { execute, parse, specifiedRules, validate } from 'graphql'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { authenticate } from '../../src/domain/actor/authenticate.ts'
import { rows } from '../../src/domain/shared/database.ts'
import { manifestOf } from '../../src/domain/version/manifest.ts'
import { createGraphQLContext } from '../../src/schema/context.ts'
import { schema } from '../../src/schema/index.ts'
import { readyProject, rowId } from '../factories/pipeline.ts'
import { gitWithInput, openStore, withLink } from '../git/store-fixture.ts'
import { countQueries } from '../support/count-queries.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { tarOf } from './tar.ts'
import { gitOn, manifestByHand, shownVersion, uploadVersion, versionOf } from './versions.ts'

let server: TestServer
let projectId: string
beforeAll(async () => {
  server = await startTestServer({ pools: { maintenance: 4 } })
  projectId = await readyProject(server)
})
afterAll(() => server[Symbol.asyncDispose]())

const names = ['B.txt', 'a', 'a.txt', 'a/b', 'a-b/c', 'a0', 'é.txt', 'z/deep/er/file.py', '~']
  // A file cannot be a directory too.
  .filter((name) => name !== 'a')

const upload = async (paths: readonly string[], contentOf = (path: string) => `${path}\n`, project = projectId) => {
  const bytes = await tarOf(paths.map((name) => ({ name, content: contentOf(name) })))
  const { id, message } = await uploadVersion(server, project, bytes)
  if (!id) throw new Error(message)
  return id
}

const entriesQuery = `query ($id: ID!, $prefix: String, $first: Int, $last: Int, $after: String, $before: String) {
  node(id: $id) { ... on Version { manifest {
    entries(prefix: $prefix, first: $first, last: $last, after: $after, before: $before) {
      nodes { path } edges { cursor } pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    }
  } } }
}`

const entriesOf = async (id: string, args: object = {}) => {
  const { node } = await server.query(entriesQuery, { id, prefix: '', ...args })
  const { nodes, pageInfo } = node.manifest.entries
  return { paths: nodes.map(({ path }: { path: string }) => path) as string[], pageInfo }
}

describe('a manifest', () => {
  it('is what anybody makes of the commit by the documented rule', async () => {
    const id = await upload(names)
    const version = await shownVersion(server, id)
    const byHand = await manifestByHand(server, projectId, version.commit)
    expect(version.manifest.hash).toBe(byHand.hash)
    expect(version.manifest.entries.nodes).toEqual(byHand.entries)
    expect(version.manifest.fileCount).toBe(names.length)
    expect(version.manifest.totalBytes).toBe(names.reduce((sum, name) => sum + Buffer.byteLength(name) + 1, 0))
  })

  it('of a template is so too, and the same for every version of it', async () => {
    const project = await readyProject(server, { source: { template: 'calculator-python' } })
    const first = await shownVersion(server, await versionOf(server, project))
    const second = await shownVersion(server, await versionOf(server, project))
    expect(first.manifest).toEqual(second.manifest)
    expect(first.manifest.hash).toBe((await manifestByHand(server, project, first.commit)).hash)
  })

  it('changes with a content, a name, a mode, and nothing else', async () => {
    const hash = async (entry: { name: string; content: string; mode?: number }) => {
      const { id } = await uploadVersion(server, projectId, await tarOf([entry, { name: 'other', content: 'o' }]))
      return (await shownVersion(server, id ?? '')).manifest.hash
    }
    const plain = await hash({ name: 'a', content: 'a' })
    const others = [
      await hash({ name: 'a', content: 'b' }),
      await hash({ name: 'b', content: 'a' }),
      await hash({ name: 'a', content: 'a', mode: 0o755 }),
    ]
    expect(new Set([plain, ...others]).size).toBe(4)
    expect(await hash({ name: 'a', content: 'a', mode: 0o600 })).toBe(plain)
  })

  it('of a repository of SHA-256 objects is the same as of one of SHA-1 objects', async () => {
    const { createProject } = await server.query(
      'mutation ($input: CreateProjectInput!) { createProject(input: $input) { ... on Project { id } } }',
      { input: { name: 'x', source: { empty: true }, objectFormat: 'SHA256' } },
    )
    await expect
      .poll(
        async () =>
          (
            await server.query('query ($id: ID!) { node(id: $id) { ... on Project { status } } }', {
              id: createProject.id,
            })
          ).node.status,
      )
      .toBe('READY')
    const here = await upload(names)
    const there = await upload(names, undefined, createProject.id)
    const hashes = [await shownVersion(server, here), await shownVersion(server, there)]
    expect(hashes[0].commit).toHaveLength(40)
    expect(hashes[1].commit).toHaveLength(64)
    expect(hashes[0].manifest).toEqual(hashes[1].manifest)
  })

  it('has symbolic links and names that are not UTF-8, and no submodules', async () => {
    await using fixture = await openStore()
    const project = await fixture.project({ 'a.txt': 'a\n' })
    const linked = await withLink(project, project.tree, 'link', 'a.txt')
    const listing = await project.git('ls-tree', linked)
    const blob = (await project.git('rev-parse', `${linked}:a.txt`)).trim()
    const odd = Buffer.concat([
      Buffer.from(`${listing}160000 commit ${project.head}\tsubmodule\n100644 blob ${blob}\t`),
      Buffer.from([0x62, 0xff, 0xfe, 0x0a]),
    ])
    const tree = (await gitWithInput(project, ['mktree'], odd)).trim()
    const { em } = server.context.services
    const services = { em, git: fixture.store }
    const manifest = await manifestOf(services, project.id, tree, { fromContents: true })
    expect(manifest).toMatchObject({ fileCount: 3, totalBytes: 2 + 2 + 'a.txt'.length })
    const paths: string[] = []
    for await (const { pathBytes } of fixture.store.files(project.id, tree)) paths.push(pathBytes.toString('latin1'))
    expect(paths).toEqual(['a.txt', 'b\xff\xfe', 'link', 'submodule'])
  })

  it('made from the contents does not believe the stored digests', async () => {
    const project = await readyProject(server)
    const id = await upload(['a', 'b'], undefined, project)
    const { commit, manifest } = await shownVersion(server, id)
    const { services } = server.context
    const db = rows(services.em())
    await db
      .updateTable('BlobDigest')
      .set({ sha256: '0'.repeat(64) })
      .where('projectId', '=', rowId(project))
      .execute()
    const made = async (fromContents: boolean) =>
      (await manifestOf(services, rowId(project), commit, { fromContents })).hash
    expect(await made(true)).toBe(manifest.hash)
    expect(await made(false)).not.toBe(manifest.hash)
  })
})

describe('the entries', () => {
  let id: string
  const sorted = [...names].sort((left, right) => Buffer.compare(Buffer.from(left), Buffer.from(right)))
  beforeAll(async () => {
    id = await upload(names)
  })

  it.each([1, 2, 3, 200])('come in the order of their bytes, %i a page, forwards and backwards', async (size) => {
    const forwards: string[] = []
    for (let after: string | null = null; ; ) {
      const page = await entriesOf(id, { first: size, after })
      forwards.push(...page.paths)
      if (!page.pageInfo.hasNextPage) break
      after = page.pageInfo.endCursor
    }
    expect(forwards).toEqual(sorted)
    const backwards: string[] = []
    for (let before: string | null = null; ; ) {
      const page = await entriesOf(id, { last: size, before })
      backwards.unshift(...page.paths)
      if (!page.pageInfo.hasPreviousPage) break
      before = page.pageInfo.startCursor
    }
    expect(backwards).toEqual(sorted)
  })

  it.each(['', 'a', 'a/', 'a.', 'a-b/c', 'z/deep', 'z/deep/er/', 'é', 'nothing', 'z/nothing'])(
    'whose paths begin with %j are those, on all pages',
    async (prefix) => {
      const found: string[] = []
      for (let after: string | null = null; ; ) {
        const page = await entriesOf(id, { prefix, first: 2, after })
        found.push(...page.paths)
        if (!page.pageInfo.hasNextPage) break
        after = page.pageInfo.endCursor
      }
      expect(found).toEqual(sorted.filter((name) => name.startsWith(prefix)))
    },
  )

  it.each([{ first: -1 }, { first: 201 }, { after: '%%' }, { after: '' }, { before: 'x'.repeat(9_000) }])(
    'are refused for %j',
    async (args) => {
      const { errors } = await server.request(entriesQuery, { id, ...args })
      expect(errors?.[0]?.message).toMatch(/must be 0 to 200|is not a cursor/)
    },
  )
})

describe('the work', () => {
  const wide = (count: number) => Array.from({ length: count }, (_, index) => `d${index % 40}/f${index}.txt`)

  /** What a command of this process does: its statements and its git processes. */
  const workOf = async (document: string, variables: object) => {
    const { services, feed } = server.context
    const viewer = await authenticate(services, server.token)
    if (!viewer) throw new Error('The administrator is not known.')
    const parsed = parse(document)
    expect(validate(schema, parsed, specifiedRules)).toEqual([])
    const contextValue = createGraphQLContext({ viewer, services, feed, version: '0', health: async () => [] })
    const { result, statements } = await countQueries(async () =>
      execute({ schema, document: parsed, contextValue, variableValues: { ...variables } }),
    )
    expect((result as { errors?: unknown }).errors).toBeUndefined()
    return statements.length
  }

  it('for a version and for a page is as many statements for 4,000 files as for 40', async () => {
    const create = `mutation ($input: CreateVersionInput!) {
      createVersion(input: $input) { __typename ... on DomainError { message } } }`
    const page = `query ($id: ID!) { node(id: $id) { ... on Version { manifest { entries(first: 20) { nodes { sha256 } } } } } }`
    const counts = []
    for (const count of [40, 4_000]) {
      const project = await readyProject(server)
      const id = await upload(wide(count), undefined, project)
      const { commit } = await shownVersion(server, id)
      const again = await workOf(create, { input: { projectId: project, message: 'x', revision: commit } })
      counts.push({ again, page: await workOf(page, { id }) })
    }
    expect(counts[0]).toEqual(counts[1])
    expect(counts[0]?.page).toBeLessThanOrEqual(4)
  })

  it('reads only new contents: the next version of many files digests the one that changed', async () => {
    const project = await readyProject(server)
    await upload(wide(500), undefined, project)
    const { git } = server.context.services
    const asked: number[] = []
    const { contents } = git
    Object.assign(git, {
      contents: (id: string, objectIds: readonly string[]) => {
        asked.push(objectIds.length)
        return contents.call(git, id, objectIds)
      },
    })
    try {
      await upload(wide(500), (path) => (path === 'd0/f0.txt' ? 'changed\n' : `${path}\n`), project)
    } finally {
      Object.assign(git, { contents })
    }
    expect(asked).toEqual([1])
  })

  it('of git is one process for any number of contents', async () => {
    await using fixture = await openStore()
    const files = Object.fromEntries(wide(1_000).map((path) => [path, path]))
    const project = await fixture.project(files)
    const ids: string[] = []
    for await (const { objectId } of fixture.store.files(project.id, project.tree)) ids.push(objectId)
    const before = fixture.spawns.length
    let read = 0
    for await (const { size, content } of fixture.store.contents(project.id, ids)) {
      for await (const piece of content) read += piece.length
      read -= size
    }
    expect([read, ids.length, fixture.spawns.length - before]).toEqual([0, 1_000, 1])
  })

  it('ends with its reader, and what is left unread is passed over', async () => {
    await using fixture = await openStore()
    const project = await fixture.project({ a: 'a'.repeat(300_000), b: 'b'.repeat(300_000), c: 'c' })
    const ids = (await fixture.store.listFiles(project.id, project.tree)).map(({ objectId }) => objectId)
    const seen: string[] = []
    for await (const { content } of fixture.store.contents(project.id, ids)) {
      for await (const piece of content) {
        seen.push(piece.toString('latin1', 0, 1))
        break
      }
    }
    expect(seen).toEqual(['a', 'b', 'c'])
    for await (const { size } of fixture.store.contents(project.id, ids)) {
      expect(size).toBe(300_000)
      break
    }
    const missing = '0'.repeat(40)
    const failing = async () => {
      for await (const _ of fixture.store.contents(project.id, [missing])) throw new Error('there is none')
    }
    await expect(failing()).rejects.toThrow(`no blob ${missing}`)
    expect(await gitOn(server, projectId, 'rev-parse', 'HEAD')).toBeDefined()
  })
})
