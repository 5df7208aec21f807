import { execFile } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { lstat, mkdir, readFile, readlink, rm, writeFile } from 'node:fs/promises'
import { get } from 'node:http'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { promisify } from 'node:util'
import { gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { writeArchive } from '../../src/adapters/archives/write-archive.ts'
import { authenticate } from '../../src/domain/actor/authenticate.ts'
import { rows } from '../../src/domain/shared/database.ts'
import { createVersion } from '../../src/domain/version/create-version.ts'
import { globalId, made } from '../factories/api.ts'
import { actorWithToken, readyProject, rowId } from '../factories/pipeline.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { type TemporaryDirectory, temporaryDirectory } from '../support/temporary-directory.ts'
import { tarOf } from './tar.ts'
import { gitOn, shownVersion, uploadVersion, versionOf } from './versions.ts'

const run = promisify(execFile)
const mebibyte = 1024 * 1024

let server: TestServer
let scratch: TemporaryDirectory
let projectId: string
beforeAll(async () => {
  scratch = await temporaryDirectory()
  server = await startTestServer({ pools: { maintenance: 4 }, env: { CORS_ORIGINS: 'https://front.example' } })
  projectId = await readyProject(server)
})
afterAll(async () => {
  await server[Symbol.asyncDispose]()
  await scratch[Symbol.asyncDispose]()
})

const longName = `${'long/'.repeat(40)}${'n'.repeat(150)}.txt`
const entries = [
  { name: 'b.txt', content: 'b\n' },
  { name: 'a/run.sh', content: '#!/bin/sh\n', mode: 0o755 },
  { name: 'a/empty', content: '' },
  { name: 'ü and "quotes".txt', content: 'x'.repeat(513) },
  { name: longName, content: 'deep\n' },
]

const uploaded = async (files: Parameters<typeof tarOf>[0] = entries, project = projectId): Promise<string> => {
  const { id, message } = await uploadVersion(server, project, await tarOf(files))
  if (!id) throw new Error(message)
  return id
}

const request = (path: string, init: RequestInit = {}, token: string | null = server.token) =>
  fetch(`${server.url}${path}`, {
    ...init,
    headers: { ...(token === null ? {} : { authorization: `Bearer ${token}` }), ...init.headers },
  })

const pathOf = (id: string): string => `/versions/${rowId(id)}.tar.gz`

const downloaded = async (id: string): Promise<Buffer> => {
  const response = await request((await shownVersion(server, id)).archiveUrl)
  expect(response.status).toBe(200)
  return Buffer.from(await response.arrayBuffer())
}

/** A commit with a symbolic link, which no upload has. */
const commitWithLink = async (project: string, target: string): Promise<string> => {
  const directory = server.context.services.git.directory(rowId(project))
  const withInput = async (args: readonly string[], input: string) => {
    const pending = run('git', [`--git-dir=${directory}`, ...args])
    pending.child.stdin?.end(input)
    return (await pending).stdout.trim()
  }
  const blob = await withInput(['hash-object', '-w', '--stdin'], target)
  const tree = await withInput(['mktree'], `120000 blob ${blob}\tlink\n100644 blob ${blob}\tfile\n`)
  const identity = ['-c', 'user.name=x', '-c', 'user.email=x@example.com']
  return withInput([...identity, 'commit-tree', tree], 'A link')
}

describe('the archive of a version', () => {
  it("is taken by the system's tar, which finds the files of the manifest and no others", async () => {
    const id = await uploaded()
    const { manifest } = await shownVersion(server, id)
    const file = join(scratch.path, 'listed.tar.gz')
    await writeFile(file, await downloaded(id))
    const { stdout } = await run('tar', ['--quoting-style=literal', '-tzf', file], { env: { LC_ALL: 'C.UTF-8' } })
    const paths = manifest.entries.nodes.map(({ path }: { path: string }) => path)
    expect(stdout.trimEnd().split('\n')).toEqual(paths)

    const directory = join(scratch.path, 'unpacked')
    await mkdir(directory)
    await run('tar', ['-xzf', file, '-C', directory])
    for (const { path, mode, sha256, size } of manifest.entries.nodes) {
      const content = await readFile(join(directory, path))
      expect([path, createHash('sha256').update(content).digest('hex'), content.length]).toEqual([path, sha256, size])
      const executable = ((await lstat(join(directory, path))).mode & 0o100) !== 0
      expect([path, executable]).toEqual([path, mode === '100755'])
    }
  })

  it('has the same bytes each time, for another version of the content, in another project, without the digests', async () => {
    const id = await uploaded()
    const first = await downloaded(id)
    expect(await downloaded(id)).toEqual(first)
    expect(await downloaded(await uploaded([...entries].reverse()))).toEqual(first)
    const other = await readyProject(server)
    expect(await downloaded(await uploaded(entries, other))).toEqual(first)
    await rows(server.context.services.em())
      .deleteFrom('BlobDigest')
      .where('projectId', '=', rowId(projectId))
      .execute()
    expect(await downloaded(id)).toEqual(first)
  })

  it('has nothing of the time, the machine or its users in it', async () => {
    const bytes = await downloaded(await uploaded([{ name: 'a', content: 'a\n', uid: 1234, gid: 77, uname: 'me' }]))
    expect(bytes.subarray(0, 10).toString('hex')).toBe('1f8b08000000000000ff')
    const tar = gunzipSync(bytes)
    expect(tar.toString('latin1', 100, 136)).toBe('000644 \u0000000000 \u0000000000 \u000000000000002 '.slice(0, 36))
    expect(Number.parseInt(tar.toString('latin1', 136, 147), 8)).toBe(Date.UTC(1980, 0, 1) / 1000)
    expect(tar.toString('latin1', 265, 329)).toBe('\0'.repeat(64))
  })

  it('has symbolic links as such', async () => {
    const project = await readyProject(server)
    const target = `${'far/'.repeat(40)}away`
    const id = await versionOf(server, project, { revision: await commitWithLink(project, target) })
    const directory = join(scratch.path, 'links')
    await mkdir(directory)
    await writeFile(`${directory}.tar.gz`, await downloaded(id))
    await run('tar', ['-xzf', `${directory}.tar.gz`, '-C', directory])
    expect(await readlink(join(directory, 'link'))).toBe(target)
    expect(await readFile(join(directory, 'file'), 'utf8')).toBe(target)
  })

  it('has the same bytes however its contents come', async () => {
    const content = Buffer.from(Array.from({ length: 20_000 }, (_, line) => `line ${(line * line) % 977}\n`).join(''))
    const inPiecesOf = async (size: number) => {
      async function* pieces() {
        for (let at = 0; at < content.length; at += size) yield content.subarray(at, at + size)
      }
      async function* files() {
        yield { path: 'a', mode: '100644', size: content.length, content: pieces() }
      }
      return Buffer.concat(await Array.fromAsync(writeArchive(files())))
    }
    const whole = await inPiecesOf(content.length)
    const tar = gunzipSync(whole)
    expect(tar.subarray(512, 512 + content.length).equals(content)).toBe(true)
    for (const size of [997, 65_536]) expect((await inPiecesOf(size)).equals(whole)).toBe(true)
  })

  it('of nothing is an empty archive', async () => {
    const bytes = await downloaded(await versionOf(server, await readyProject(server)))
    expect(gunzipSync(bytes)).toEqual(Buffer.alloc(1024))
  })

  it('can be uploaded again, as the same content', async () => {
    const id = await uploaded()
    const { id: again } = await uploadVersion(server, projectId, await downloaded(id))
    expect((await shownVersion(server, again ?? '')).manifest).toEqual((await shownVersion(server, id)).manifest)
  })
})

describe('a download', () => {
  let id: string
  let hash: string
  beforeAll(async () => {
    id = await uploaded()
    hash = (await shownVersion(server, id)).manifest.hash
  })

  it("is named after the version, and its entity tag is the manifest's hash", async () => {
    const response = await request(pathOf(id))
    await response.arrayBuffer()
    expect(Object.fromEntries(response.headers)).toMatchObject({
      etag: `"${hash}"`,
      'content-type': 'application/gzip',
      'content-disposition': `attachment; filename="version-${rowId(id)}.tar.gz"`,
      'x-content-type-options': 'nosniff',
      'cache-control': 'private, no-cache',
    })
  })

  it('by HEAD has the same head and no body', async () => {
    const response = await request(pathOf(id), { method: 'HEAD' })
    expect([response.status, response.headers.get('etag'), await response.text()]).toEqual([200, `"${hash}"`, ''])
  })

  it.each([
    ['its tag', (tag: string) => `"${tag}"`, 304],
    ['its tag as a weak one', (tag: string) => `W/"${tag}"`, 304],
    ['its tag among others', (tag: string) => `"x", "${tag}"`, 304],
    ['any tag', () => '*', 304],
    ['another tag', () => '"x"', 200],
  ])('if none matches %s answers %3$i', async (_name, header, status) => {
    const response = await request(pathOf(id), { headers: { 'if-none-match': header(hash) } })
    expect([response.status, (await response.arrayBuffer()).byteLength > 0]).toEqual([status, status === 200])
  })

  it('is for those who are signed in and can see the project', async () => {
    const stranger = await actorWithToken(server, { name: 'a stranger' })
    const member = await actorWithToken(server, { name: 'a member' })
    await made(server, 'setProjectMember', { projectId, actorId: member.id, role: 'VIEWER' })
    const status = async (token: string | null, method = 'GET') => {
      const response = await request(pathOf(id), { method }, token)
      await response.arrayBuffer()
      return response.status
    }
    expect([await status(null), await status('csk_wrong'), await status(null, 'HEAD')]).toEqual([401, 401, 401])
    expect([await status(stranger.token), await status(member.token), await status(member.token, 'HEAD')]).toEqual([
      404, 200, 200,
    ])
    const tagged = { headers: { 'if-none-match': `"${hash}"` } }
    expect([
      (await request(pathOf(id), tagged, null)).status,
      (await request(pathOf(id), tagged, stranger.token)).status,
    ]).toEqual([401, 404])
  })

  it.each([
    '/versions/6f1c1e2a-0000-4000-8000-000000000000.tar.gz',
    '/versions/.tar.gz',
    '/versions/x.tar.gz',
    '/versions/',
    "/versions/6f1c1e2a-0000-4000-8000-000000000000'.tar.gz",
  ])('of %s is not found by who is signed in, and unknown to who is not', async (path) => {
    expect([(await request(path)).status, (await request(path, {}, null)).status]).toEqual([404, 401])
  })

  it.each(['POST', 'PUT', 'DELETE', 'PATCH'])('by %s is refused', async (method) => {
    const response = await request(pathOf(id), { method })
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'GET, HEAD'])
  })

  it('from a page of an allowed origin is allowed, and from no other', async () => {
    const ask = (origin: string, method: string) => request(pathOf(id), { method, headers: { origin } })
    const asked = await ask('https://front.example', 'OPTIONS')
    expect([asked.status, asked.headers.get('access-control-allow-headers')]).toEqual([
      204,
      expect.stringContaining('authorization'),
    ])
    const allowed = (response: Response) => response.headers.get('access-control-allow-origin')
    expect(allowed(await ask('https://front.example', 'HEAD'))).toBe('https://front.example')
    expect(allowed(await ask('https://elsewhere.example', 'HEAD'))).toBeNull()
  })
})

describe('a large archive', () => {
  const count = 60
  let id: string
  beforeAll(async () => {
    const files = Array.from({ length: count }, (_, index) => ({ name: `f${index}`, content: randomBytes(mebibyte) }))
    const { services } = server.context
    const viewer = await authenticate(services, server.token)
    if (!viewer) throw new Error('The administrator is not known.')
    const archive = Readable.from([await tarOf(files)])
    const input = { projectId: rowId(projectId), message: 'A large one', archive }
    id = globalId('Version', await createVersion(services, viewer, input))
  })

  /** Counts what is read from the repository while `work` goes on. */
  const watchingReads = async (work: (seen: { bytes: number; ended: Promise<void> }) => Promise<void>) => {
    const { git } = server.context.services
    const { contents } = git
    const ended = Promise.withResolvers<void>()
    const seen = { bytes: 0, ended: ended.promise }
    Object.assign(git, {
      async *contents(project: string, ids: readonly string[]) {
        try {
          for await (const blob of contents.call(git, project, ids)) {
            async function* counted() {
              for await (const piece of blob.content) {
                seen.bytes += piece.length
                yield piece
              }
            }
            yield { ...blob, content: counted() }
          }
        } finally {
          ended.resolve()
        }
      },
    })
    try {
      await work(seen)
    } finally {
      Object.assign(git, { contents })
    }
  }

  it('is made as it is taken: never more than a little is read ahead', async () => {
    let read = 0
    let taken = 0
    let ahead = 0
    const content = randomBytes(mebibyte)
    async function* pieces() {
      for (let at = 0; at < content.length; at += 65_536) {
        read += 65_536
        yield content.subarray(at, at + 65_536)
      }
    }
    async function* files() {
      for (let index = 0; index < count; index++) {
        yield { path: `f${String(index).padStart(2, '0')}`, mode: '100644', size: mebibyte, content: pieces() }
      }
    }
    for await (const chunk of writeArchive(files())) {
      taken += chunk.length
      ahead = Math.max(ahead, read - taken)
    }
    expect(read).toBe(count * mebibyte)
    expect(ahead).toBeLessThan(2 * mebibyte)
  })

  it('comes whole to a slow client, and is read no faster than it is taken', async () => {
    await watchingReads(async (seen) => {
      const response = await request(pathOf(id))
      let bytes = 0
      let ahead = 0
      for await (const chunk of response.body ?? []) {
        bytes += chunk.length
        ahead = Math.max(ahead, seen.bytes - bytes)
        // Many times what the server needs for as much.
        for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
      }
      expect(seen.bytes).toBe(count * mebibyte)
      expect(bytes).toBeGreaterThan(count * mebibyte)
      expect(ahead).toBeLessThan((count / 3) * mebibyte)
    })
  })

  it('is no longer read when the client has left', async () => {
    await watchingReads(async (seen) => {
      await new Promise<void>((resolve, reject) => {
        const asked = get(
          `${server.url}${pathOf(id)}`,
          { headers: { authorization: `Bearer ${server.token}` } },
          (response) => {
            response.once('data', () => {
              asked.destroy()
              resolve()
            })
          },
        )
        asked.once('error', reject)
      })
      await seen.ended
      expect(seen.bytes).toBeLessThan((count / 2) * mebibyte)
    })
  })

  it('that cannot be read to its end is broken off, not ended', async () => {
    const project = await readyProject(server)
    const damaged = await uploaded(
      [
        { name: 'a', content: 'a' },
        { name: 'b', content: randomBytes(mebibyte) },
      ],
      project,
    )
    const { commit } = await shownVersion(server, damaged)
    const blob = (await gitOn(server, project, 'rev-parse', `${commit}:b`)).toString().trim()
    const directory = server.context.services.git.directory(rowId(project))
    // Loose, so that one of them can be lost alone.
    const packs = join(directory, 'objects', 'pack')
    const aside = join(scratch.path, 'pack')
    await run('mv', [packs, aside])
    await mkdir(packs)
    const { stdout } = await run('sh', [
      '-c',
      `for p in "${aside}"/*.pack; do git --git-dir="${directory}" unpack-objects -q < "$p"; done; ls`,
    ])
    expect(stdout).not.toBe('')
    await rm(join(directory, 'objects', blob.slice(0, 2), blob.slice(2)))
    const response = await request(pathOf(damaged))
    expect(response.status).toBe(200)
    await expect(response.arrayBuffer()).rejects.toThrow()
  })
})
