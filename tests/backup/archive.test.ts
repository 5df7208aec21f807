import { createHash, randomUUID } from 'node:crypto'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { type Header, pack } from 'tar-stream'
import { afterAll, beforeAll, expect, inject, it } from 'vitest'
import { unpackBackup } from '../../src/adapters/backup/backup-archive.ts'
import { type Manifest, packFile, tableFile } from '../../src/adapters/backup/manifest.ts'
import { type TemporaryDirectory, temporaryDirectory } from '../support/temporary-directory.ts'

let files: TemporaryDirectory
beforeAll(async () => {
  files = await temporaryDirectory(inject('files'))
})
afterAll(() => files[Symbol.asyncDispose]())

const table = tableFile('actor')
const repository = packFile(randomUUID())
const content = Buffer.from('a row\n')
const stored = (path: string) => ({
  path,
  bytes: content.length,
  sha256: createHash('sha256').update(content).digest('hex'),
})
const noKey = { fingerprint: null, isIncluded: false }
const manifest = {
  format: 1,
  version: '0',
  at: '2026-11-22T00:00:00.000Z',
  migrations: ['Migration1'],
  tables: [],
  sequences: [],
  repositories: [],
  keys: { secretKey: noKey, signingKey: noKey },
  files: [stored(table), stored(repository)],
} satisfies Manifest

interface Part extends Partial<Header> {
  readonly name: string
  readonly content?: Buffer
}

const describing = (changed: object = {}): Part => ({
  name: 'manifest.json',
  content: Buffer.from(JSON.stringify({ ...manifest, ...changed })),
})

/** What says how large a file is, without the file. */
const headerOf = (name: string, bytes: number): Buffer => {
  const header = Buffer.alloc(512)
  header.write(name, 0)
  header.write('0000600\0', 100)
  header.write(bytes.toString(8).padStart(11, '0'), 124)
  header.write(' '.repeat(8), 148)
  header.write('0', 156)
  header.write('ustar\x0000', 257)
  const sum = header.reduce((total, byte) => total + byte, 0)
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return header
}

/** A tar.gz of whatever somebody puts into one. */
const archived = async (parts: readonly Part[], after: Buffer = Buffer.alloc(0)): Promise<string> => {
  const tar = pack()
  for (const { content: body, ...header } of parts) {
    if (body) tar.entry(header, body)
    else tar.entry(header).end(null)
  }
  tar.finalize()
  const pieces: Buffer[] = []
  // Its types do not say that it is an async iterable of bytes.
  for await (const piece of tar as unknown as AsyncIterable<Buffer>) pieces.push(piece)
  const file = join(files.path, `${randomUUID()}.tar.gz`)
  await writeFile(file, gzipSync(Buffer.concat([...pieces, after])))
  return file
}

/** @returns what it says, or which files there are */
const unpacked = async (archive: string): Promise<{ readonly said: string; readonly found: readonly string[] }> => {
  const directory = join(files.path, randomUUID(), 'unpacked')
  await mkdir(directory, { recursive: true })
  const unpacking = unpackBackup(archive, directory, ['Migration1'], new AbortController().signal)
  const said = await unpacking.then(() => 'whole', String)
  expect(await readdir(join(directory, '..'))).toEqual(['unpacked'])
  const found = await readdir(directory, { recursive: true, withFileTypes: true })
  return { said, found: found.filter((entry) => !entry.isDirectory()).map(({ name }) => name) }
}

it('an archive is taken with all that its manifest lists, in whatever order', async () => {
  const archive = await archived([describing(), { name: repository, content }, { name: table, content }])
  const directory = join(files.path, randomUUID())
  await mkdir(directory)
  expect(await unpackBackup(archive, directory, ['Migration1'], new AbortController().signal)).toEqual(manifest)
  for (const name of [table, repository]) expect(await readFile(join(directory, name))).toEqual(content)
})

const onlyManifest = ['manifest.json']

const most = 2 ** 33 - 1

it.each<[string, readonly Part[], RegExp, readonly string[], Buffer?]>([
  ['without a manifest', [{ name: table, content }], /"tables\/actor\.copy" is where manifest\.json must be/, []],
  ['of nothing', [], /there is nothing in it/, []],
  [
    'with a manifest that is too large',
    [],
    /manifest\.json has 67108865 bytes, and may have 67108864/,
    [],
    headerOf('manifest.json', 64 * 1_048_576 + 1),
  ],
  ['of a later format', [describing({ format: 2, version: '9' })], /RestoreRefusedError.*later format 2/, onlyManifest],
  [
    'whose manifest lists a name that climbs',
    [describing({ files: [stored('tables/../../x')] })],
    /not as it must be: files\.0\.path/,
    onlyManifest,
  ],
  [
    'with a file that is not listed',
    [describing(), { name: tableFile('other'), content }],
    /"tables\/other\.copy" is not listed/,
    onlyManifest,
  ],
  ['with a name that climbs', [describing(), { name: '../x', content }], /"\.\.\/x" is not listed/, onlyManifest],
  ['with an absolute name', [describing(), { name: '/tmp/x', content }], /"\/tmp\/x" is not listed/, onlyManifest],
  [
    'with a link in place of a file',
    [describing(), { name: table, type: 'symlink', linkname: '/etc/passwd' }],
    /is not listed/,
    onlyManifest,
  ],
  [
    'with a hard link in place of a file',
    [describing(), { name: table, type: 'link', linkname: 'manifest.json' }],
    /is not listed/,
    onlyManifest,
  ],
  [
    'with a file that is larger than listed',
    [describing()],
    /"tables\/actor\.copy" has 8589934591 bytes in place of 6/,
    onlyManifest,
    headerOf(table, most),
  ],
  [
    'with a file twice',
    [describing(), { name: table, content }, { name: table, content }],
    /is there twice/,
    [...onlyManifest, 'actor.copy'],
  ],
])('an archive %s is refused, and no more of it is written', async (_, parts, words, left, after) => {
  const { said, found } = await unpacked(await archived(parts, after))
  expect(said).toMatch(words)
  expect(found.toSorted()).toEqual([...left].sort())
})

it('an archive that goes on after its files is not read to its end', async () => {
  const parts = [describing(), { name: table, content }, { name: repository, content }]
  const { said } = await unpacked(await archived(parts, Buffer.alloc(8 * 1_048_576)))
  expect(said).toContain('it has more in it than it lists')
  expect((await unpacked(await archived(parts, Buffer.alloc(10_240)))).said).toBe('whole')
})
