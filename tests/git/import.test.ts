import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { readdir } from 'node:fs/promises'
import { createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import { type Header, pack } from 'tar-stream'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parseRemoteUrl, resolveRemote } from '../../src/adapters/git/remote-url.ts'
import { RemoteError, SourceRejectedError } from '../../src/domain/errors.ts'
import { author, openStore, type StoreFixture } from './store-fixture.ts'

let fixture: StoreFixture

beforeAll(async () => {
  fixture = await openStore({ allowedProtocols: ['https', 'file', 'http'], allowPrivateHosts: true })
})
afterAll(() => fixture[Symbol.asyncDispose]())

const commit = { branch: 'main', message: 'Import', author }

type Entry = Partial<Header> & { readonly name: string; readonly content?: string }

async function tarOf(entries: readonly Entry[]): Promise<Buffer> {
  const tar = pack()
  for (const { content, ...header } of entries) tar.entry(header, content ?? '')
  tar.finalize()
  const pieces: Buffer[] = []
  for await (const piece of tar as unknown as AsyncIterable<Buffer>) pieces.push(piece)
  return Buffer.concat(pieces)
}

async function* inPieces(bytes: Buffer, size = 1000): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

describe('an archive', () => {
  const entries: Entry[] = [
    { name: 'top/', type: 'directory', mode: 0o755 },
    { name: 'top/run.sh', mode: 0o755, content: 'run\n' },
    { name: 'top/dir/ü "q".txt', content: 'x'.repeat(5000) },
    { name: 'top/empty', content: '' },
  ]

  test.each([
    ['as it is', 1000, (tar: Buffer) => tar],
    ['gzipped', 1, (tar: Buffer) => gzipSync(tar)],
  ] as const)('%s becomes the first commit, as one pack, its only top directory stripped', async (_, size, wrap) => {
    const { store } = fixture
    const project = await fixture.draft()
    const head = await store.importArchive(project.id, inPieces(wrap(await tarOf(entries)), size), commit)
    expect(await store.branchHead(project.id, 'main')).toBe(head)
    expect(await project.files(head)).toEqual({ 'run.sh': 'run\n', 'dir/ü "q".txt': 'x'.repeat(5000), empty: '' })
    expect(await store.readFile(project.id, head, 'run.sh')).toMatchObject({ mode: '100755' })
    expect(await project.git('count-objects', '-v')).toMatch(/^count: 0[\s\S]*packs: 1/)
    expect(await project.git('fsck', '--strict')).toBe('')
  })

  test('with several names at the top is taken as it is', async () => {
    const project = await fixture.draft('SHA256')
    const tar = await tarOf([
      { name: './a/x', content: '1' },
      { name: './b', content: '2' },
    ])
    const head = await fixture.store.importArchive(project.id, inPieces(tar), commit)
    expect(await project.files(head)).toEqual({ 'a/x': '1', b: '2' })
  })

  test.each<[string, Entry[]]>([
    ['a symbolic link', [{ name: 'x', type: 'symlink', linkname: '/etc/passwd' }]],
    ['a hard link', [{ name: 'x', type: 'link', linkname: 'y' }]],
    ['a device', [{ name: 'x', type: 'character-device' }]],
    ['a pipe', [{ name: 'x', type: 'fifo' }]],
    ['a climbing name', [{ name: '../x', content: 'y' }]],
    ['an absolute name', [{ name: '/etc/x', content: 'y' }]],
    ['a .git directory', [{ name: 'top/.git/x', content: 'y' }]],
    [
      'a name twice',
      [
        { name: 'x', content: 'y' },
        { name: './x', content: 'z' },
      ],
    ],
    [
      'a file that is also a directory',
      [
        { name: 'x', content: 'y' },
        { name: 'x/y', content: 'z' },
      ],
    ],
    ['a name that becomes unsafe when stripped', [{ name: 'top/C:x', content: 'y' }]],
  ])('with %s is refused, naming it, and leaves nothing', async (_, bad) => {
    const project = await fixture.draft()
    const tar = await tarOf([{ name: bad[0]?.name.startsWith('top/') ? 'top/first' : 'first', content: '1' }, ...bad])
    const error = await fixture.store.importArchive(project.id, inPieces(tar), commit).catch((each: unknown) => each)
    expect(error).toBeInstanceOf(SourceRejectedError)
    expect((error as Error).message).toContain(bad[0]?.name.replace(/^\.\//, ''))
    expect(await project.refs()).toEqual([])
    expect(await readdir(join(fixture.store.directory(project.id), 'objects', 'pack'))).toEqual([])
    expect((await readdir(fixture.store.directory(project.id))).filter((name) => name.includes('crash'))).toEqual([])
  })

  test.each([
    ['that is cut', async () => (await tarOf(entries)).subarray(0, 3000)],
    ['that is cut within its compression', async () => gzipSync(await tarOf(entries)).subarray(0, 100)],
    ['that is none', async () => Buffer.from('x'.repeat(4096))],
    ['that is empty', async () => Buffer.alloc(0)],
    [
      'that unpacks to more than the limit',
      async () =>
        gzipSync(
          Buffer.concat([
            await tarOf([{ name: 'a', content: 'x' }]).then((tar) => tar.subarray(0, 1024)),
            await bigEntry(),
          ]),
        ),
    ],
  ])('%s is refused', async (_, make) => {
    const project = await fixture.draft()
    const pending = fixture.store.importArchive(project.id, inPieces(await make(), 65536), commit)
    await expect(pending).rejects.toThrow(SourceRejectedError)
    expect(await project.refs()).toEqual([])
  })

  test('whose upload breaks off fails with the reason of the upload', async () => {
    const project = await fixture.draft()
    const tar = await tarOf(entries)
    async function* broken() {
      yield tar.subarray(0, 1500)
      throw new Error('the client went away')
    }
    await expect(fixture.store.importArchive(project.id, broken(), commit)).rejects.toThrow('the client went away')
    expect(await project.refs()).toEqual([])
  })
})

/** A header that announces 400 MiB, and zeros. */
async function bigEntry(): Promise<Buffer> {
  const size = 400 * 1024 * 1024
  const header = (await tarOf([{ name: 'big', content: 'x' }])).subarray(0, 512)
  header.write(`${size.toString(8).padStart(11, '0')}\0`, 124, 'latin1')
  header.fill(0x20, 148, 156)
  const sum = header.reduce((total, byte) => total + byte, 0)
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
  return Buffer.concat([header, Buffer.alloc(size)])
}

describe('a remote', () => {
  const signal = new AbortController().signal

  async function remoteProject() {
    const source = await fixture.project({ 'a.txt': 'one\n' })
    await source.git('branch', 'trunk', source.head)
    await source.git('tag', 'v1', source.head)
    await source.git('symbolic-ref', 'HEAD', 'refs/heads/trunk')
    return { source, url: pathToFileURL(fixture.store.directory(source.id)).href }
  }

  test('gives its default branch, or the named one, and nothing else', async () => {
    const { store } = fixture
    const { source, url } = await remoteProject()
    for (const branch of [undefined, 'main']) {
      const project = await fixture.draft()
      const expected = branch ?? 'trunk'
      expect(await store.importRemote(project.id, { url, credential: null }, branch, signal)).toEqual({
        branch: expected,
        head: source.head,
      })
      expect(await project.refs()).toEqual([`refs/heads/${expected}`])
      expect(await project.git('symbolic-ref', 'HEAD')).toBe(`refs/heads/${expected}\n`)
    }
  })

  test('that has no such branch, another object format, or is not there is a remote error', async () => {
    const { store } = fixture
    const { url } = await remoteProject()
    const project = await fixture.draft('SHA256')
    await expect(store.importRemote(project.id, { url, credential: null }, 'none', signal)).rejects.toThrow(RemoteError)
    await expect(store.importRemote(project.id, { url, credential: null }, 'main', signal)).rejects.toThrow(RemoteError)
    const error = await store
      .importRemote(project.id, { url: `${url}x`, credential: null }, undefined, signal)
      .catch((each: unknown) => each)
    expect((error as RemoteError).details).toContain('does not')
    expect(await project.refs()).toEqual([])
  })

  test('by file is refused unless it is allowed', async () => {
    await using strict = await openStore()
    const { url } = await remoteProject()
    const project = await strict.project()
    await expect(strict.store.importRemote(project.id, { url, credential: null }, 'main', signal)).rejects.toThrow(
      SourceRejectedError,
    )
  })

  test('that never answers is left when the caller gives up, and no process stays', async () => {
    const sockets: Socket[] = []
    const server: Server = createServer((socket) => sockets.push(socket))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as { port: number }
    const project = await fixture.project()
    const abort = new AbortController()
    const pending = fixture.store.importRemote(
      project.id,
      { url: `http://127.0.0.1:${port}/x.git`, credential: null },
      'main',
      abort.signal,
    )
    await once(server, 'connection')
    const closed = once(sockets[0] as Socket, 'close')
    sockets[0]?.resume()
    abort.abort(new Error('given up'))
    await expect(pending).rejects.toThrow('given up')
    await closed
    server.close()
    const { stdout } = await promisify(execFile)('ps', ['-eo', 'args='])
    expect(stdout).not.toContain(`127.0.0.1:${port}`)
  })
})

describe('a URL', () => {
  const rules = { allowedProtocols: ['https', 'ssh'], allowedHosts: null, allowPrivateHosts: false }

  test.each([
    ['https://example.com/a/b.git', 'https://example.com/a/b.git', 443],
    ['https://Example.com:8443/b', 'https://example.com:8443/b', 8443],
    ['ssh://git@example.com/a.git', 'ssh://git@example.com/a.git', 22],
    ['git@example.com:a/b.git', 'ssh://git@example.com/a/b.git', 22],
  ])('%s is understood', (text, url, port) => {
    expect(parseRemoteUrl(text, rules)).toMatchObject({ url, port, host: 'example.com' })
  })

  test.each([
    '--upload-pack=touch x',
    '--upload-pack=x',
    '-oProxyCommand=x',
    'ext::sh -c x',
    'ext::sh',
    'fd::17',
    'file:///etc',
    '/etc',
    '../x',
    'http://example.com/x',
    'git://example.com/x',
    'https://user:secret@example.com/x',
    'https://user@example.com/x',
    'ssh://-oProxyCommand=x/y',
    'ssh://git@-oProxyCommand=x/y',
    'ssh://-x@example.com/y',
    'git@-oProxyCommand=x:y',
    'ssh://git@example.com/-x',
    'https://example.com',
    'https://example.com/x?y',
    'https://example.com/x#y',
    'https://example.com/x\ny',
    'https://example.com/x y',
    'https://exa_mple.com\\@evil/x',
    'https:///x',
    'javascript:alert(1)',
    '',
  ])('%j is refused', (text) => {
    expect(() => parseRemoteUrl(text, rules)).toThrow(SourceRejectedError)
  })

  test('of another host than those of the configuration is refused', () => {
    const only = { ...rules, allowedHosts: ['example.com'] }
    expect(parseRemoteUrl('https://example.com/x', only).host).toBe('example.com')
    for (const host of ['example.org', 'sub.example.com', 'example.com.evil.org', 'example.com.']) {
      expect(() => parseRemoteUrl(`https://${host}/x`, only)).toThrow(SourceRejectedError)
    }
  })

  test.each([
    'https://localhost/x',
    'https://127.0.0.1/x',
    'https://127.1/x',
    'https://0x7f000001/x',
    'https://2130706433/x',
    'https://0.0.0.0/x',
    'https://10.1.2.3/x',
    'https://169.254.169.254/x',
    'https://192.168.0.1/x',
    'https://[::1]/x',
    'https://[::ffff:127.0.0.1]/x',
    'https://[fd00::1]/x',
    'https://[fe80::1]/x',
    'git@127.0.0.1:x',
    'ssh://git@0x7f000001/x',
  ])('%s leads into a network that is not public', async (text) => {
    const resolved = async () => resolveRemote(parseRemoteUrl(text, rules), rules)
    await expect(resolved()).rejects.toThrow(SourceRejectedError)
  })

  test('with a public address is held to that address', async () => {
    const remote = parseRemoteUrl('https://93.184.216.34/x', rules)
    expect(await resolveRemote(remote, rules)).toEqual({ addresses: ['93.184.216.34'] })
  })
})

test('files of one import are held to the rules of names', async () => {
  const project = await fixture.draft()
  for (const path of ['../x', '.git/config', 'a//b', '']) {
    const files = [{ path, mode: '100644' as const, content: Buffer.from('x') }]
    await expect(fixture.store.importFiles(project.id, files, commit)).rejects.toThrow(SourceRejectedError)
  }
  expect(await project.refs()).toEqual([])
})
