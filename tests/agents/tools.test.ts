import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runTestsTool } from '../../src/domain/run/run-tests-tool.ts'
import type { Workspace } from '../../src/domain/run/workspace.ts'
import { workspaceTools } from '../../src/domain/run/workspace-tools.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

const latin1 = Buffer.concat([Buffer.from('# caf'), Buffer.from([0xe9]), Buffer.from('\nsize = 1\n')])
const files = [
  ['README.md', Buffer.from('one\ntwo\nthree\nfour\n')],
  ['.github/workflows/ci.yml', Buffer.from('on: push\n')],
  ['src/a.py', Buffer.from('needle = 1\n')],
  ['src2/b.py', Buffer.from('needle = 2\n')],
  ['twice.txt', Buffer.from('aXaXa')],
  ['latin1.py', latin1],
  ['logo.bin', Buffer.from('needle\u0000\u0001')],
  ['huge.txt', Buffer.alloc(3_000_000, 'needle line\n')],
  ['many.txt', Buffer.from('needle in hay\n'.repeat(5_000))],
  ['wide.txt', Buffer.from(`needle${'x'.repeat(50_000)}\n`)],
] as const

let server: TestServer
const projectId = randomUUID()
let workspace: Workspace
beforeAll(async () => {
  server = await startTestServer({ pools: {} })
  const { git } = server.context.services
  await git.create(projectId, { objectFormat: 'SHA1', branch: 'main' })
  const at = new Date(0)
  const entries = files.map(([path, content]) => ({ path, mode: '100644' as const, content }))
  const author = { name: 'A', email: 'a@localhost', at }
  const commit = await git.importFiles(projectId, entries, { branch: 'main', message: 'Start', author })
  workspace = { projectId, tree: await git.treeOf(projectId, commit) }
})
afterAll(() => server[Symbol.asyncDispose]())

const use = async (name: string, args: unknown, on = workspace) => {
  const tool = [...workspaceTools, runTestsTool([])].find(({ definition }) => definition.name === name)
  if (!tool) throw new Error(`There is no tool ${name}.`)
  return tool.run(server.context.services, on, args, new AbortController().signal)
}
const content = async (tree: string, path: string) =>
  (await server.context.services.git.readFile(projectId, tree, path))?.content

const evilPaths = [
  '../out.txt',
  'src/../../out.txt',
  '/etc/passwd',
  '//etc/passwd',
  './x.txt',
  'src/./x.txt',
  '',
  '/',
  '.git/config',
  '.GIT/hooks/post-commit',
  'src/.git/config',
  'git~1/config',
  '.g\u200cit/config',
  'a\u0000b',
  'a\nb',
  'src\\..\\..\\out.txt',
  'README.md/below',
  'src',
  'x'.repeat(5_000),
]

describe('no path', () => {
  it.each(evilPaths)('%j is written or edited, and the workspace stays as it was', async (path) => {
    for (const [name, args] of [
      ['write_file', { path, content: 'owned' }],
      ['edit_file', { path, oldText: 'one', newText: 'owned' }],
    ] as const) {
      const result = await use(name, args)
      expect(result).toMatchObject({ isError: true, tree: workspace.tree })
      expect(result.text.length).toBeGreaterThan(10)
    }
  })

  it.each(evilPaths)('%j reads anything', async (path) => {
    expect(await use('read_file', { path, startLine: null, endLine: null })).toMatchObject({ isError: true })
  })

  it.each(['..', '../', '/etc', 'nowhere', 'README.md', '.git'])('%j is listed', async (path) => {
    expect(await use('list_dir', { path })).toMatchObject({ isError: true, text: expect.stringContaining(path) })
  })
})

describe('list_dir', () => {
  it.each(['', '.', './', '/', './/'])('%j is the root', async (path) => {
    const { text, isError } = await use('list_dir', { path })
    expect(isError).toBe(false)
    expect(text.split('\n')).toEqual(expect.arrayContaining(['.github/', 'README.md', 'src/', 'src2/']))
  })

  it.each(['.github', '.github/', './.github'])('%j is a directory whose name begins with a dot', async (path) => {
    expect((await use('list_dir', { path })).text).toBe('.github/workflows/')
  })

  it('of an empty workspace says so', async () => {
    const { git } = server.context.services
    const empty = await git.changeTree(
      projectId,
      workspace.tree,
      files.map(([path]) => ({ path, content: null })),
    )
    expect(await use('list_dir', { path: '.' }, { projectId, tree: empty })).toMatchObject({
      text: '(empty)',
      isError: false,
    })
  })
})

describe('read_file', () => {
  it.each([
    [null, null, 'one\ntwo\nthree\nfour\n'],
    [2, 3, 'two\nthree'],
    [4, null, 'four\n'],
    [3, 2, ''],
    [1, 1, 'one'],
    [100, 200, ''],
  ])('from %s to %s', async (startLine, endLine, expected) => {
    expect((await use('read_file', { path: 'README.md', startLine, endLine })).text).toBe(expected)
  })

  it.each([
    [{ startLine: 0, endLine: null }],
    [{ startLine: 1.5, endLine: null }],
    [{ startLine: '1', endLine: null }],
    [{}],
  ])('refuses the range %j', async (range) => {
    expect(await use('read_file', { path: 'README.md', ...range })).toMatchObject({
      isError: true,
      text: expect.stringContaining('The arguments are not valid'),
    })
  })

  it('cuts a huge file, says so, and still reads a range from its end', async () => {
    const { text } = await use('read_file', { path: 'huge.txt', startLine: null, endLine: null })
    expect(text.length).toBeLessThan(101_000)
    expect(text).toMatch(/\[2900000 characters left out\]$/)
    const end = await use('read_file', { path: 'huge.txt', startLine: 249_999, endLine: 250_000 })
    expect(end.text).toBe('needle line\nneedle line')
  })

  it('refuses a binary file', async () => {
    expect(await use('read_file', { path: 'logo.bin', startLine: null, endLine: null })).toMatchObject({
      isError: true,
      text: 'logo.bin is a binary file.',
    })
  })
})

describe('edit_file', () => {
  it('changes exactly what occurs once', async () => {
    const { tree, isError } = await use('edit_file', {
      path: 'README.md',
      oldText: 'two\nthree',
      newText: '$& $1 2\n3',
    })
    expect(isError).toBe(false)
    expect((await content(tree, 'README.md'))?.toString()).toBe('one\n$& $1 2\n3\nfour\n')
  })

  it.each([
    ['nowhere', 'does not occur'],
    ['X', 'occurs more than once'],
    ['aXa', 'occurs more than once'],
  ])('refuses %j, also where two occurrences overlap', async (oldText, words) => {
    expect(await use('edit_file', { path: 'twice.txt', oldText, newText: '' })).toMatchObject({
      isError: true,
      text: expect.stringContaining(words),
      tree: workspace.tree,
    })
  })

  it('leaves bytes that are no UTF-8 as they are', async () => {
    const { tree } = await use('edit_file', { path: 'latin1.py', oldText: 'size = 1', newText: 'size = 2' })
    const expected = Buffer.from(latin1)
    expected[expected.length - 2] = '2'.charCodeAt(0)
    expect(await content(tree, 'latin1.py')).toEqual(expected)
  })
})

describe('search', () => {
  it('finds lines below a directory, and not below one whose name begins alike', async () => {
    for (const path of ['src', 'src/', './src']) {
      expect((await use('search', { text: 'needle', path })).text).toBe('src/a.py:1: needle = 1')
    }
    expect((await use('search', { text: 'needle', path: 'src/a.py' })).text).toBe('src/a.py:1: needle = 1')
  })

  it('everywhere is bounded: a hundred matches of three hundred characters, no binary and no huge file', async () => {
    for (const path of [null, '.']) {
      const { text } = await use('search', { text: 'needle', path })
      const lines = text.split('\n')
      expect(lines).toHaveLength(101)
      expect(lines.at(-1)).toBe('[there may be more matches]')
      expect(text).not.toMatch(/logo\.bin|huge\.txt/)
    }
    const { text } = await use('search', { text: 'needlex', path: null })
    expect(text).toBe(`wide.txt:1: needle${'x'.repeat(294)}`)
  })

  it('says when nothing is found, and takes no empty text', async () => {
    expect((await use('search', { text: 'n.edle', path: null })).text).toBe('No line contains this text.')
    expect((await use('search', { text: '', path: null })).isError).toBe(true)
  })
})

it('run_tests refuses a name that there is not, and an empty list of names', async () => {
  expect(await use('run_tests', { names: ['unit'] })).toMatchObject({
    isError: true,
    text: 'There is no test named unit.',
  })
  expect(await use('run_tests', { names: [] })).toMatchObject({ isError: true })
})
