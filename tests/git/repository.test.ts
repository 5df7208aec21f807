import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, rm, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ValidationError } from '../../src/domain/errors.ts'
import { RepositoryMissingError } from '../../src/domain/ports/git-store.ts'
import { author, change, openStore, type StoreFixture } from './store-fixture.ts'

let fixture: StoreFixture

beforeAll(async () => {
  fixture = await openStore()
})
afterAll(() => fixture[Symbol.asyncDispose]())

describe.each(['SHA1', 'SHA256'] as const)('a %s repository', (format) => {
  test('keeps files, trees and history', async () => {
    const { store } = fixture
    const project = await fixture.project(
      { 'a.txt': 'one\n', 'dir/b.txt': 'two\n', 'dir/ü "q".txt': 'three\n' },
      format,
    )
    expect(project.head).toHaveLength(format === 'SHA1' ? 40 : 64)
    expect(await store.branchHead(project.id, 'main')).toBe(project.head)
    expect(await store.branchHead(project.id, 'other')).toBeNull()

    const tree = await store.changeTree(project.id, project.tree, [
      change('dir/deep/c.sh', 'run\n', '100755'),
      change('dir/b.txt', null),
    ])
    const request = { tree, parents: [project.head], message: 'Second\n\nwords', author, committer: author }
    const second = await store.writeCommit(project.id, request)
    expect(await store.writeCommit(project.id, request)).toBe(second)
    expect(await store.moveBranch(project.id, 'main', project.head, second)).toBe(true)
    expect(await store.moveBranch(project.id, 'main', project.head, second)).toBe(false)

    const log = await store.log(project.id, 'main', { skip: 0, limit: 10 })
    expect(log.map(({ oid, message }) => [oid, message])).toEqual([
      [second, 'Second\n\nwords\n'],
      [project.head, 'Start\n'],
    ])
    expect(log[0]).toMatchObject({ tree, parents: [project.head], authorName: 'Ada', authorEmail: 'ada@example.com' })
    expect(log[0]?.authoredAt).toEqual(author.at)
    expect(await store.log(project.id, second, { skip: 1, limit: 1 })).toHaveLength(1)

    expect(await project.files(second)).toEqual({
      'a.txt': 'one\n',
      'dir/deep/c.sh': 'run\n',
      'dir/ü "q".txt': 'three\n',
    })
    expect(await store.entries(project.id, second, 'dir')).toMatchObject([
      { path: 'dir/deep', kind: 'tree', mode: '040000', size: null },
      { path: 'dir/ü "q".txt', kind: 'blob', mode: '100644', size: 6 },
    ])
    expect(await store.entries(project.id, second, 'dir/b.txt')).toEqual([])
    expect(await store.readFile(project.id, second, 'dir/b.txt')).toBeNull()
    expect(await store.readFile(project.id, second, 'dir/deep/c.sh')).toMatchObject({ mode: '100755' })
    const named = [
      'a.txt',
      'dir/deep/c.sh',
      'dir/ü "q".txt',
      'dir',
      'dir/b.txt',
      'a.txt/x',
      'a.txt/',
      './a.txt',
      '../a.txt',
    ]
    for (const path of named) {
      const content = (await store.readFile(project.id, second, path))?.content ?? null
      expect(await store.readContent(project.id, second, path), path).toEqual(content)
    }
    expect(await store.branchContains(project.id, 'main', project.head)).toBe(true)
    expect(await store.branchContains(project.id, 'main', project.tree)).toBe(false)
    expect(await project.git('fsck', '--strict')).toBe('')
  })

  test('binds a binary patch to its content', async () => {
    const { store } = fixture
    const project = await fixture.project({ 'logo.bin': Buffer.from([0, 1, 2, 255]) }, format)
    const to = await store.changeTree(project.id, project.tree, [
      change('logo.bin', Buffer.from([0, 9, 8, 7, 255, 254])),
      change('new.bin', Buffer.from([0, 0, 128])),
    ])
    const patch = await store.patchBetween(project.id, project.tree, to)
    expect(patch).toContain('GIT binary patch')
    expect((await store.applyPatch(project.id, project.tree, patch)).tree).toBe(to)
  })
})

describe('names of revisions', () => {
  test('branches, tags and ids are found, expressions and options are not', async () => {
    const { store } = fixture
    const project = await fixture.project({ 'a.txt': 'one\n' })
    await project.git(
      '-c',
      'user.name=Ada',
      '-c',
      'user.email=ada@example.com',
      'tag',
      '-a',
      '-m',
      'words',
      'v1',
      project.head,
    )
    for (const revision of ['main', 'v1', project.head, project.head.slice(0, 10)]) {
      expect(await store.resolveCommit(project.id, revision)).toBe(project.head)
    }
    for (const revision of ['main~0', 'main^{tree}', '--all', '-h', 'HEAD', '@', ':/Start', 'x\ny', project.tree, '']) {
      expect(await store.resolveCommit(project.id, revision)).toBeNull()
    }
  })

  test.each(['-x', 'a..b', 'a b', 'a.lock', '.a', 'a//b', 'a\n', '@', 'a~1', 'x/', 'HEAD', ''])(
    'the branch name %j is refused',
    async (name) => {
      const project = await fixture.project()
      await expect(fixture.store.branchHead(project.id, name)).rejects.toThrow(ValidationError)
    },
  )

  test('a project id that is no UUID reaches no directory', async () => {
    await expect(fixture.store.branchHead('../../etc', 'main')).rejects.toThrow(TypeError)
    expect(() => fixture.store.directory('x/../y')).toThrow(TypeError)
    await expect(fixture.store.branchHead(randomUUID(), 'main')).rejects.toThrow(RepositoryMissingError)
  })
})

describe('references', () => {
  test('of two moves from one commit at the same time one wins', async () => {
    const { store } = fixture
    const project = await fixture.project({ 'a.txt': 'one\n' })
    const commits = await Promise.all(
      ['left', 'right'].map(async (content) => {
        const tree = await store.changeTree(project.id, project.tree, [change('a.txt', content)])
        return store.writeCommit(project.id, {
          tree,
          parents: [project.head],
          message: content,
          author,
          committer: author,
        })
      }),
    )
    const moved = await Promise.all(commits.map((oid) => store.moveBranch(project.id, 'main', project.head, oid)))
    expect(moved.toSorted()).toEqual([false, true])
    expect(await store.branchHead(project.id, 'main')).toBe(commits[moved.indexOf(true)])
  })

  test('a move to a commit that does not exist is a fault and not a lost race', async () => {
    const project = await fixture.project({ 'a.txt': 'one\n' })
    await expect(fixture.store.moveBranch(project.id, 'main', project.head, 'f'.repeat(40))).rejects.toThrow()
    expect(await fixture.store.branchHead(project.id, 'main')).toBe(project.head)
  })

  test('moves although a git that was killed long ago left its lock, and not while another holds it', async () => {
    await using fixture = await openStore({ lockTimeoutMs: 100 })
    const project = await fixture.project({ 'a.txt': 'one' })
    const tree = await fixture.store.changeTree(project.id, project.tree, [
      { path: 'a.txt', content: Buffer.from('two') },
    ])
    const to = await fixture.store.writeCommit(project.id, {
      tree,
      parents: [project.head],
      message: 'two',
      author,
      committer: author,
    })
    const lock = join(fixture.store.directory(project.id), 'refs', 'heads', 'main.lock')
    await writeFile(lock, '')
    await expect(fixture.store.moveBranch(project.id, 'main', project.head, to)).rejects.toThrow()
    const longAgo = new Date(Date.now() - 600_000)
    await utimes(lock, longAgo, longAgo)
    expect(await fixture.store.moveBranch(project.id, 'main', project.head, to)).toBe(true)
    expect(await fixture.store.branchHead(project.id, 'main')).toBe(to)
  })

  test('kept commits are hidden from a clone and can be released twice', async () => {
    const { store } = fixture
    const project = await fixture.project({ 'a.txt': 'one\n' })
    const id = randomUUID()
    await store.keep(project.id, 'diffs', id, project.head)
    await store.keep(project.id, 'diffs', id, project.head)
    expect(await project.refs()).toEqual([`refs/countersign/diffs/${id}`, 'refs/heads/main'])
    expect(await project.git('ls-remote', store.directory(project.id))).not.toContain('countersign')
    await store.release(project.id, 'diffs', id)
    await store.release(project.id, 'diffs', id)
    expect(await project.refs()).toEqual(['refs/heads/main'])
    await expect(store.keep(project.id, 'diffs', '../../heads/x', project.head)).rejects.toThrow(TypeError)
  })

  test('a signature cannot forge a header', async () => {
    const { store } = fixture
    const project = await fixture.project({ 'a.txt': 'one\n' })
    const forged = { name: 'Eve <root@x> 1 +0000\nparent 0', email: 'e>\nve@x <', at: author.at }
    const request = { tree: project.tree, parents: [project.head], message: 'm', author: forged, committer: author }
    const info = await store.commitInfo(project.id, await store.writeCommit(project.id, request))
    expect(info).toMatchObject({
      authorName: 'Eve  root@x  1 +0000 parent 0',
      authorEmail: 'eve@x',
      parents: [project.head],
    })
  })

  test('a commit on a tree that is not there is refused', async () => {
    const project = await fixture.project({ 'a.txt': 'one\n' })
    const request = { tree: 'a'.repeat(40), parents: [], message: 'm', author, committer: author }
    await expect(fixture.store.writeCommit(project.id, request)).rejects.toThrow()
  })
})

test('neither hooks nor programs of the environment or a home directory run', async () => {
  const home = join(fixture.directory, 'evil-home')
  const mark = join(fixture.directory, 'mark')
  const hook = join(home, 'hook')
  await mkdir(home)
  await writeFile(hook, `#!/bin/sh\ntouch ${mark}\n`, { mode: 0o755 })
  await writeFile(join(home, '.gitconfig'), `[core]\n\tfsmonitor = ${hook}\n\tpager = ${hook}\n\thooksPath = ${home}\n`)
  await writeFile(join(home, 'reference-transaction'), `#!/bin/sh\ntouch ${mark}\n`, { mode: 0o755 })
  const before = { ...process.env }
  Object.assign(process.env, { HOME: home, GIT_CONFIG_GLOBAL: join(home, '.gitconfig'), GIT_EXTERNAL_DIFF: hook })
  try {
    const project = await fixture.project({ 'a.txt': 'one\n' })
    const hooks = join(fixture.store.directory(project.id), 'hooks')
    await mkdir(hooks, { recursive: true })
    await writeFile(join(hooks, 'reference-transaction'), `#!/bin/sh\ntouch ${mark}\n`, { mode: 0o755 })
    await project.git('config', 'core.hooksPath', hooks)
    await project.git('config', 'core.fsmonitor', hook)
    const to = await fixture.store.changeTree(project.id, project.tree, [change('a.txt', 'two\n')])
    const patch = await fixture.store.patchBetween(project.id, project.tree, to)
    await fixture.store.applyPatch(project.id, project.tree, patch)
    await fixture.store.keep(project.id, 'versions', randomUUID(), project.head)
    await fixture.store.log(project.id, 'main', { skip: 0, limit: 1 })
  } finally {
    for (const key of ['HOME', 'GIT_CONFIG_GLOBAL', 'GIT_EXTERNAL_DIFF']) {
      if (before[key] === undefined) delete process.env[key]
      else process.env[key] = before[key]
    }
  }
  expect(existsSync(mark)).toBe(false)
})

test('a reader that was killed is replaced', async () => {
  const project = await fixture.project({ 'a.txt': 'one\n' })
  const { stdout } = await promisify(execFile)('ps', ['-eo', 'pid=,args='])
  const line = stdout.split('\n').find((each) => each.includes(`${fixture.store.directory(project.id)} cat-file`))
  process.kill(Number.parseInt(line ?? '', 10), 'SIGKILL')
  expect(await fixture.store.readFile(project.id, project.tree, 'a.txt')).toMatchObject({
    content: Buffer.from('one\n'),
  })
})

describe('a repository that is being made', () => {
  test("has its project's name when it is whole, and the settings of all", async () => {
    const { store } = fixture
    const draft = await fixture.draft('SHA256')
    const id = randomUUID()
    expect(await store.firstBranch(id)).toBeNull()
    const head = await store.importFiles(draft.id, [], { branch: 'main', message: 'Start', author })
    expect(await store.publish(draft.id, id)).toBe(true)
    expect(await store.firstBranch(id)).toEqual({ branch: 'main', head })
    expect(existsSync(store.directory(draft.id))).toBe(false)
    const { stdout } = await promisify(execFile)('git', [
      `--git-dir=${store.directory(id)}`,
      'config',
      'transfer.hideRefs',
    ])
    expect(stdout).toBe('refs/countersign\n')
  })

  test("takes no other's place: of stores that make one at once, and of one that comes late, the first has it", async () => {
    await using other = await openStore({ root: join(fixture.directory, 'repositories') })
    const id = randomUUID()
    const make = async (each: StoreFixture, message: string) => {
      const draft = await each.draft()
      const head = await each.store.importFiles(draft.id, [], { branch: 'main', message, author })
      return { draft, head }
    }
    const [late, ...early] = await Promise.all([make(other, '1'), make(other, '2'), make(fixture, '3')])
    const won = await Promise.all(
      early.map(({ draft }, index) => (index === 0 ? other : fixture).store.publish(draft.id, id)),
    )
    expect(won.toSorted()).toEqual([false, true])
    const head = early[won.indexOf(true)]?.head ?? ''
    const request = { tree: await fixture.store.treeOf(id, head), message: 'more', author, committer: author }
    const next = await fixture.store.writeCommit(id, { ...request, parents: [head] })
    expect(await fixture.store.moveBranch(id, 'main', head, next)).toBe(true)
    expect(await other.store.publish(late.draft.id, id)).toBe(false)
    expect(await other.store.firstBranch(id)).toEqual({ branch: 'main', head: next })
  })

  test('takes the place of what a loss of power has left without a commit', async () => {
    const { store } = fixture
    const project = await fixture.project({ 'a.txt': 'one\n' })
    await rm(join(store.directory(project.id), 'refs', 'heads', 'main'))
    const draft = await fixture.draft()
    const head = await store.importFiles(draft.id, [], { branch: 'main', message: 'Again', author })
    expect(await store.publish(draft.id, project.id)).toBe(true)
    expect(await store.branchHead(project.id, 'main')).toBe(head)
  })

  test("can be thrown away, which a project's repository cannot", async () => {
    const { store } = fixture
    const draft = await fixture.draft()
    await store.remove(draft.id)
    await store.remove(draft.id)
    expect(existsSync(store.directory(draft.id))).toBe(false)
    const project = await fixture.project()
    await expect(store.remove(project.id)).rejects.toThrow(TypeError)
    await expect(store.create(project.id, { objectFormat: 'SHA1', branch: 'main' })).rejects.toThrow(TypeError)
    expect(await store.branchHead(project.id, 'main')).toBe(project.head)
  })
})
