import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { SourceRejectedError } from '../../src/domain/errors.ts'
import { author, openStore, type Project, type StoreFixture } from '../git/store-fixture.ts'
import { endOfTar, paxRecord, rawEntry, tarOf } from './tar.ts'

let fixture: StoreFixture
let project: Project
beforeAll(async () => {
  fixture = await openStore()
  project = await fixture.project({ 'kept.txt': 'kept\n' })
})
afterAll(() => fixture[Symbol.asyncDispose]())

const commit = { message: 'An upload', author }

async function* inPieces(bytes: Buffer, size = 700): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

/** Every file of the directory of repositories, temporary ones too. */
const everyFile = async (): Promise<string[]> =>
  (await readdir(join(fixture.directory, 'repositories'), { recursive: true })).sort()

const first = rawEntry({ name: 'first.txt', content: 'first\n' })
const whole = (...parts: readonly Buffer[]): Buffer => Buffer.concat([first, ...parts, endOfTar])
const ordinary = (name: string, content = 'x'): Buffer => rawEntry({ name, content })
const mebibyte = 1024 * 1024

const hostile: readonly (readonly [string, () => Buffer | Promise<Buffer>, RegExp])[] = [
  ['a symbolic link', () => whole(rawEntry({ name: 'a', kind: '2', linkname: '/etc/passwd' })), /"a" is a symlink/],
  ['a symbolic link that stays inside', () => whole(rawEntry({ name: 'a', kind: '2', linkname: 'first.txt' })), /"a"/],
  ['a hard link', () => whole(rawEntry({ name: 'a', kind: '1', linkname: 'first.txt' })), /"a" is a hard link/],
  ['a hard link with content', () => whole(rawEntry({ name: 'a', kind: '1', content: 'x' })), /"a"/],
  ['a character device', () => whole(rawEntry({ name: 'dev', kind: '3' })), /"dev" is a character-device/],
  ['a block device', () => whole(rawEntry({ name: 'dev', kind: '4' })), /"dev" is a block-device/],
  ['a pipe', () => whole(rawEntry({ name: 'pipe', kind: '6' })), /"pipe" is a fifo/],
  ['an unknown kind of entry', () => whole(rawEntry({ name: 'odd', kind: 'V' })), /"odd" is of an unknown kind/],
  ['an absolute name', () => whole(ordinary('/etc/passwd')), /"\/etc\/passwd" is absolute/],
  ['a name that climbs', () => whole(ordinary('../up')), /"\.\.\/up" climbs/],
  ['a name that climbs from within', () => whole(ordinary('a/../../up')), /climbs/],
  ['a drive letter', () => whole(ordinary('C:/up')), /drive letter/],
  ['a backslash', () => whole(ordinary('a\\..\\up')), /backslash/],
  ['a file without a name', () => whole(ordinary('')), /is empty/],
  ["git's own directory", () => whole(ordinary('.git/hooks/pre-commit')), /\.git\/hooks.*git's own directory/],
  ["git's own directory in another spelling", () => whole(ordinary('a/.GiT./config')), /git's own directory/],
  ["a directory called as git's own", () => whole(rawEntry({ name: '.git/', kind: '5' })), /git's own directory/],
  ['the list of submodules', () => whole(ordinary('.gitmodules')), /list of submodules/],
  ['the name of a device', () => whole(ordinary('src/aux.py')), /name of a device/],
  ['a name that ends with a dot', () => whole(ordinary('a.')), /ends with a dot/],
  ['a control character in a name', () => whole(ordinary('a\u001b[2Jb')), /control character/],
  [
    'a name that is not UTF-8',
    () => {
      const bytes = ordinary('a.')
      bytes[1] = 0xff
      bytes.write('000000', 148)
      return whole(bytes)
    },
    /damaged|well-formed/,
  ],
  ['a name of 5,000 bytes', () => tarOf([{ name: `${'d/'.repeat(2_500)}f`, content: 'x' }]), /longer|levels/],
  ['a file that is there twice', () => whole(ordinary('a'), ordinary('./a', 'y')), /"a" is there twice/],
  [
    'two names that differ in case',
    () => whole(ordinary('README'), ordinary('readme')),
    /"readme" is "README" on some/,
  ],
  [
    'two names that differ in how an accent is composed',
    () => whole(ordinary('caf\u00e9'), ordinary('cafe\u0301')),
    /is "caf\u00e9" on some systems/,
  ],
  ['a file that is a directory too', () => whole(ordinary('a'), ordinary('a/b')), /"a" is a file and a directory/],
  [
    'a file that is a directory too, in another case',
    () => whole(ordinary('A'), ordinary('a/b')),
    /"A" is a file and a directory/,
  ],
  [
    'a file with the name of an empty directory',
    () => whole(rawEntry({ name: 'a/', kind: '5' }), ordinary('a')),
    /"a" is a file and a directory/,
  ],
  [
    'a long name that climbs',
    () => whole(rawEntry({ name: '././@LongLink', kind: 'L', content: '../../up\0' }), ordinary('harmless')),
    /"\.\.\/\.\.\/up" climbs/,
  ],
  [
    'an extended name that climbs',
    () => whole(rawEntry({ name: 'x', kind: 'x', content: paxRecord('path', '../up') }), ordinary('harmless')),
    /"\.\.\/up" climbs/,
  ],
  [
    'an extended name with a NUL',
    () => whole(rawEntry({ name: 'x', kind: 'x', content: paxRecord('path', 'a\0b') }), ordinary('harmless')),
    /control character/,
  ],
  [
    'an extended size',
    () => whole(rawEntry({ name: 'x', kind: 'x', content: paxRecord('size', '1024') }), ordinary('a')),
    /two sizes/,
  ],
  [
    'an extended header of two megabytes',
    () => whole(rawEntry({ name: 'x', kind: 'g', content: paxRecord('comment', 'x'.repeat(2 * mebibyte)) })),
    /header of 20\d+ bytes/,
  ],
  ['a sparse file', () => whole(rawEntry({ name: 'a', kind: 'S', content: 'x'.repeat(600) })), /"a" is a sparse file/],
  [
    'a sparse file of the new form',
    () => whole(rawEntry({ name: 'x', kind: 'x', content: paxRecord('GNU.sparse.major', '1') }), ordinary('a')),
    /sparse file/,
  ],
  [
    'a size of 8 GiB less one',
    () => whole(rawEntry({ name: 'a', size: '77777777777\0' })),
    /"a" has more than 209715200/,
  ],
  [
    'a size that is written in binary',
    () => whole(rawEntry({ name: 'a', size: Buffer.from('8000000000000000ffffffff', 'hex') })),
    /no valid size/,
  ],
  [
    'a negative size',
    () => whole(rawEntry({ name: 'a', size: Buffer.from('ffffffffffffffffffffffff', 'hex') })),
    /no valid size/,
  ],
  ['a size that is none', () => whole(rawEntry({ name: 'a', size: '0000000zz09\0' })), /no valid size/],
  ['a size larger than what there is', () => whole(rawEntry({ name: 'a', size: '00000100000\0' })), /damaged/],
  [
    'a directory that hides an entry in its content',
    () => whole(rawEntry({ name: 'd/', kind: '5', content: ordinary('hidden') })),
    /"d\/" has a size and is no file/,
  ],
  ['an entry after its end', () => whole(endOfTar, ordinary('hidden')), /data after its end/],
  ['an entry after one empty block', () => whole(Buffer.alloc(512), ordinary('hidden')), /data after its end/],
  ['bytes after its end', () => Buffer.concat([whole(), Buffer.from('x'.repeat(512))]), /data after its end/],
  ['less than a block after its end', () => Buffer.concat([whole(), Buffer.from('junk')]), /breaks off/],
  ['no end', () => first, /breaks off/],
  ['an end within a header', () => Buffer.concat([first, first.subarray(0, 200)]), /breaks off/],
  ['an end within a file', () => rawEntry({ name: 'a', content: 'x'.repeat(2_000) }).subarray(0, 1_024), /breaks off/],
  ['a wrong checksum', () => Buffer.concat([Buffer.from(first).fill('z', 0, 1), endOfTar]), /damaged or no tar/],
  ['nothing', () => Buffer.alloc(0), /damaged or no tar/],
  ['no files', () => endOfTar, /no files/],
  ['directories alone', () => Buffer.concat([rawEntry({ name: 'd/', kind: '5' }), endOfTar]), /no files/],
  ['no tar', () => Buffer.from('hello\n'.repeat(500)), /damaged or no tar/],
  ['a zip', () => Buffer.concat([Buffer.from('PK\u0003\u0004'), Buffer.alloc(2_044, 1)]), /damaged or no tar/],
  ['a gzip that breaks off', () => gzipSync(whole()).subarray(0, -6), /damaged or no tar/],
  [
    'a gzip with a wrong checksum',
    () => Buffer.concat([gzipSync(whole()).subarray(0, -8), Buffer.alloc(8)]),
    /damaged or no tar/,
  ],
  ['bytes after its gzip', () => Buffer.concat([gzipSync(whole()), Buffer.from('junk')]), /damaged or no tar/],
  ['a gzip in a gzip', () => gzipSync(gzipSync(whole())), /damaged or no tar/],
  [
    'more files than there may be',
    () => {
      const header = rawEntry({ name: 'f00000' })
      const many = Array.from({ length: 50_002 }, (_, index) => {
        const next = Buffer.from(header)
        next.write(index.toString(36).padStart(4, '0'), 1)
        next.write(' '.repeat(8), 148)
        next.write(
          `${next
            .reduce((total, byte) => total + byte, 0)
            .toString(8)
            .padStart(6, '0')}\0 `,
          148,
        )
        return next
      })
      return gzipSync(Buffer.concat([...many, endOfTar]), { level: 1 })
    },
    /more than 50000 files/,
  ],
  [
    'a bomb: two files of 150 MiB in 300 KB',
    () => {
      const half = rawEntry({ name: 'a', content: Buffer.alloc(150 * mebibyte) })
      const other = rawEntry({ name: 'b', content: Buffer.alloc(150 * mebibyte) })
      return gzipSync(Buffer.concat([half, other, endOfTar]), { level: 1 })
    },
    /more than 209715200 bytes when unpacked/,
  ],
]

describe('an archive for a version', () => {
  test.each(hostile)('with %s is refused with the reason, and leaves nothing', async (_name, make, reason) => {
    const bytes = await make()
    const before = await everyFile()
    const pending = fixture.store.storeArchive(
      project.id,
      inPieces(bytes, bytes.length > mebibyte ? 65_536 : 700),
      commit,
    )
    const error = await pending.catch((fault: unknown) => fault)
    expect(error).toBeInstanceOf(SourceRejectedError)
    expect((error as Error).message).toMatch(reason)
    expect((error as Error).message).not.toContain('\u001b')
    expect(await everyFile()).toEqual(before)
    expect(await project.refs()).toEqual(['refs/heads/main'])
  })

  test('that is sound becomes a commit without parents, in one pack, and moves no ref', async () => {
    const own = await fixture.project({ 'kept.txt': 'kept\n' })
    const packsBefore = (await own.git('count-objects', '-v')).match(/packs: (\d+)/)?.[1]
    const bytes = whole(rawEntry({ name: 'bin/run', mode: 0o6755, content: 'run\n' }), ordinary('docs/ü.md', 'text\n'))
    const oid = await fixture.store.storeArchive(own.id, inPieces(bytes), commit)
    expect(await own.refs()).toEqual(['refs/heads/main'])
    expect(await own.git('rev-parse', 'main')).toBe(`${own.head}\n`)
    expect(await own.git('rev-list', '--parents', oid)).toBe(`${oid}\n`)
    expect(await own.files(oid)).toEqual({ 'first.txt': 'first\n', 'bin/run': 'run\n', 'docs/ü.md': 'text\n' })
    // Set-user-id and the like are not for a repository to keep.
    expect(await own.git('ls-tree', oid, 'bin/run')).toMatch(/^100755 /)
    const counted = await own.git('count-objects', '-v')
    expect(counted).toContain(`packs: ${Number(packsBefore) + 1}\n`)
    expect(counted).toMatch(/^count: 0\n/)
    expect(await own.git('fsck', '--strict', '--no-dangling')).toBe('')
  })

  test('with the content of what is there adds no content', async () => {
    const own = await fixture.project({ 'a.txt': 'a\n', 'b.txt': 'b\n' })
    const bytes = await tarOf([
      { name: 'a.txt', content: 'a\n' },
      { name: 'b.txt', content: 'b\n' },
    ])
    const inPack = async () => Number((await own.git('count-objects', '-v')).match(/in-pack: (\d+)/)?.[1])
    const before = await inPack()
    const oid = await fixture.store.storeArchive(own.id, inPieces(bytes), commit)
    expect(await fixture.store.treeOf(own.id, oid)).toBe(own.tree)
    expect((await inPack()) - before).toBe(1)
  })

  test.each([
    ['is left away', [{ name: 'top/' }, { name: 'top/a/b', content: 'b' }], ['a/b']],
    [
      'stays beside a file',
      [
        { name: 'top/a', content: 'a' },
        { name: 'b', content: 'b' },
      ],
      ['b', 'top/a'],
    ],
    ['stays where the archive names its own root', [{ name: './' }, { name: './top/a', content: 'a' }], ['top/a']],
  ])('a single directory at the top %s', async (_name, entries, paths) => {
    const bytes = await tarOf(
      entries.map((entry) => (entry.name.endsWith('/') ? { ...entry, type: 'directory' } : entry)),
    )
    const oid = await fixture.store.storeArchive(project.id, inPieces(bytes), commit)
    expect(Object.keys(await project.files(oid)).sort()).toEqual(paths)
  })

  test('in a repository of SHA-256 objects is stored as such', async () => {
    const own = await fixture.project({}, 'SHA256')
    const oid = await fixture.store.storeArchive(own.id, inPieces(whole()), commit)
    expect(oid).toMatch(/^[0-9a-f]{64}$/)
    expect(await own.files(oid)).toEqual({ 'first.txt': 'first\n' })
  })
})
