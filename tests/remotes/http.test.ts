import { execFile } from 'node:child_process'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { RemoteError } from '../../src/domain/errors.ts'
import type { Remote, RemoteCredential } from '../../src/domain/ports/git-store.ts'
import { openStore, type StoreFixture } from '../git/store-fixture.ts'
import { createRemoteRepository, serveGit } from './git-over-http.ts'

const token = 'tok-7f3a9c51e0d24b68'
const credential: RemoteCredential = { kind: 'TOKEN', user: 'x-access-token', token }
const encoded = Buffer.from(`x-access-token:${token}`).toString('base64')
const never = new AbortController().signal
/** Every form in which a credential could show: as it is, and as a header carries it. */
const secretsOf = (wrong: RemoteCredential | null): readonly string[] =>
  wrong?.kind === 'TOKEN'
    ? [wrong.token, Buffer.from(`${wrong.user}:${wrong.token}`).toString('base64'), encodeURIComponent(wrong.token)]
    : ['tok-', encoded, ...(wrong === null ? [] : [wrong.privateKey])]

const stack = new AsyncDisposableStack()
let fixture: StoreFixture
beforeAll(async () => {
  fixture = stack.use(
    await openStore({ allowedProtocols: ['http'], allowedHosts: ['127.0.0.1', 'localhost'], remoteTimeoutMs: 20_000 }),
  )
})
afterAll(() => stack.disposeAsync())

/** A remote of one's own and a project that was imported from it. */
const imported = async (password: string | null = `x-access-token:${token}`) => {
  const own = new AsyncDisposableStack()
  const repository = own.use(await createRemoteRepository())
  const server = own.use(await serveGit(repository, password))
  const project = await fixture.draft()
  const remote: Remote = { url: server.url, credential: password === null ? null : credential }
  const { head } = await fixture.store.importRemote(project.id, remote, undefined, never)
  return { project, repository, server, remote, head, [Symbol.asyncDispose]: () => own.disposeAsync() }
}

const failure = async (pending: Promise<unknown>): Promise<RemoteError> => {
  const error = await pending.catch((each: unknown) => each)
  expect(error).toBeInstanceOf(RemoteError)
  return error as RemoteError
}

/** A commit on the project's main. */
const commitHere = async ({ project }: Awaited<ReturnType<typeof imported>>): Promise<string> => {
  const { store } = fixture
  const from = (await store.branchHead(project.id, 'main')) ?? ''
  const author = { name: 'Ada', email: 'ada@example.com', at: new Date('2024-05-01T10:00:00Z') }
  const request = { tree: await store.treeOf(project.id, from), message: 'ours', author, committer: author }
  const oid = await store.writeCommit(project.id, { ...request, parents: [from] })
  expect(await store.moveBranch(project.id, 'main', from, oid)).toBe(true)
  return oid
}

const identity = async (oid: string) => oid

describe('a remote over HTTP', () => {
  it('with the right token is cloned, fetched from and pushed to, and nothing of the fetch stays', async () => {
    await using own = await imported()
    const { project, repository, remote } = own
    expect(own.head).toBe(await repository.head())
    const theirs = await repository.commit()
    expect(await fixture.store.fetchRemote(project.id, remote, 'main', never, identity)).toBe(theirs)
    expect(await project.refs()).toEqual(['refs/heads/main'])
    expect(await fixture.store.branchHead(project.id, 'main')).toBe(own.head)
    expect(await fixture.store.moveBranch(project.id, 'main', own.head, theirs)).toBe(true)
    const ours = await commitHere(own)
    expect(await fixture.store.push(project.id, remote, 'main', ours, never)).toEqual({ landed: true })
    expect(await repository.head()).toBe(ours)
  })

  it('keeps what was fetched while it is used, out of what others can fetch', async () => {
    await using own = await imported()
    await own.repository.commit()
    const refs = await fixture.store.fetchRemote(own.project.id, own.remote, 'main', never, () => own.project.refs())
    expect(refs).toEqual([expect.stringMatching(/^refs\/countersign\/fetch\//), 'refs/heads/main'])
    const shown = await own.project.git('ls-remote', '.')
    expect(shown).not.toContain('countersign')
  })

  it.each<[string, RemoteCredential | null, RegExp]>([
    ['a wrong token', { ...credential, token: 'tok-wrong-1234567890' }, /refused the credential/],
    ['a wrong user', { ...credential, user: 'nobody' }, /refused the credential/],
    ['no token', null, /asks for a credential, and none is stored/],
    ['an ssh key', { kind: 'SSH_KEY', privateKey: 'not-a-key' }, /refused the credential/],
  ])('refuses %s, and the error says so without it', async (_, wrong, message) => {
    await using own = await imported()
    const { store } = fixture
    const remote = { ...own.remote, credential: wrong }
    const ours = await commitHere(own)
    const tries = [
      () => store.fetchRemote(own.project.id, remote, 'main', never, identity),
      () => store.push(own.project.id, remote, 'main', ours, never),
      () => store.importRemote(own.project.id, remote, undefined, never),
    ]
    for (const attempt of tries) {
      const error = await failure(attempt())
      expect(error.message).toMatch(message)
      const said = `${error.message}${error.details}${error.stack}`
      for (const secret of secretsOf(wrong)) expect(said).not.toContain(secret)
    }
    expect(await own.repository.head()).toBe(own.head)
  })

  it('gives the token to no command line, file or other address', async () => {
    await using own = await imported()
    await fixture.store.fetchRemote(own.project.id, own.remote, 'main', never, identity)
    await fixture.store.push(own.project.id, own.remote, 'main', await commitHere(own), never)
    const argv = fixture.spawns.flat().join('\n')
    expect(argv).toContain(own.server.url)
    expect(argv).not.toContain(token)
    expect(argv).not.toContain(encoded)
    const { stdout: found } = await promisify(execFile)('grep', [
      '-rlE',
      `${token}|${encoded}`,
      fixture.directory,
    ]).catch((error: { stdout: string }) => error)
    expect(found).toBe('')
    expect(new Set(own.server.authorizations)).toEqual(new Set([`Basic ${encoded}`]))
  })

  it('is talked to by processes whose command lines do not have the token', async () => {
    await using own = await imported()
    const asked = Promise.withResolvers<void>()
    own.server.answer = () => asked.resolve()
    const stop = new AbortController()
    const pending = fixture.store.fetchRemote(own.project.id, own.remote, 'main', stop.signal, identity)
    await asked.promise
    const { stdout: commands } = await promisify(execFile)('ps', ['-eo', 'args='])
    stop.abort(new Error('seen enough'))
    await expect(pending).rejects.toThrow('seen enough')
    expect(commands).toContain(own.server.url)
    expect(commands).not.toContain(token)
    expect(commands).not.toContain(encoded)
  })

  it('that says the token back is not quoted', async () => {
    await using own = await imported()
    own.server.answer = (request, response) => {
      const words = `${token} ${encoded} ${request.headers.authorization} \u001b[31mred\u202e`
      response.writeHead(500, { 'content-type': 'text/plain' }).end(words)
    }
    const error = await failure(fixture.store.fetchRemote(own.project.id, own.remote, 'main', never, identity))
    expect(error.details).toContain('[credential]')
    expect(error.details).not.toContain(token)
    expect(error.details).not.toContain(encoded)
    expect(error.details).not.toMatch(/[\p{Cf}]|[^\P{Cc}\n]/u)
    expect(Buffer.byteLength(error.details)).toBeLessThanOrEqual(2048)
  })

  it('that redirects is not followed: the other address gets neither the token nor a request', async () => {
    await using own = await imported()
    await using elsewhere = await serveGit(own.repository, null)
    own.server.answer = (request, response) => {
      response.writeHead(302, { location: `http://localhost:${elsewhere.port}${request.url}` }).end()
    }
    const error = await failure(fixture.store.fetchRemote(own.project.id, own.remote, 'main', never, identity))
    expect(error.message).toMatch(/redirects are not followed/)
    expect(elsewhere.authorizations).toEqual([])
  })

  it('that never answers is left when the time is over', async () => {
    await using strict = await openStore({
      allowedProtocols: ['http'],
      allowedHosts: ['127.0.0.1'],
      remoteTimeoutMs: 400,
    })
    await using repository = await createRemoteRepository()
    await using server = await serveGit(repository, null)
    server.answer = () => {}
    const project = await strict.project()
    const remote = { url: server.url, credential: null }
    const error = await failure(strict.store.fetchRemote(project.id, remote, 'main', never, identity))
    expect(error.details).toMatch(/took longer than 400 ms/)
    expect(await project.refs()).toEqual(['refs/heads/main'])
  })

  it('that cannot be reached, or has no such branch, is a remote error', async () => {
    await using own = await imported()
    const { store } = fixture
    const missing = await failure(store.fetchRemote(own.project.id, own.remote, 'nothing', never, identity))
    expect(missing.message).toMatch(/no such branch/)
    await own.server.close()
    const down = await failure(store.push(own.project.id, own.remote, 'main', own.head, never))
    expect(down.details).toMatch(/connect/i)
  })

  it('that has the commit below others counts as pushed to, and one that went another way does not', async () => {
    await using own = await imported()
    const { store } = fixture
    const first = await commitHere(own)
    const second = await commitHere(own)
    expect(await store.push(own.project.id, own.remote, 'main', second, never)).toEqual({ landed: true })
    await own.repository.commit()
    expect(await store.push(own.project.id, own.remote, 'main', first, never)).toEqual({ landed: true })
    const third = await commitHere(own)
    const theirs = await own.repository.head()
    expect(await store.push(own.project.id, own.remote, 'main', third, never)).toEqual({
      landed: false,
      details: expect.stringContaining('rejected'),
    })
    expect(await own.repository.head()).toBe(theirs)
    expect(await store.containedCommits(own.project.id, second, [own.head, first, second, third, theirs])).toEqual([
      own.head,
      first,
      second,
    ])
    expect(await own.project.refs()).toEqual(['refs/heads/main'])
  })

  it('whose rules refuse a push is an error with the words of the remote', async () => {
    await using own = await imported()
    await own.repository.git('config', 'transfer.hideRefs', 'refs/heads/main')
    const error = await failure(fixture.store.push(own.project.id, own.remote, 'main', await commitHere(own), never))
    expect(error.details).toMatch(/remote rejected.*deny updating a hidden ref/)
  })

  it('removes what a killed fetch left long ago, and not what is younger', async () => {
    await using own = await imported()
    const old = `refs/countersign/fetch/${Date.now() - 3_600_000}-6f1c1e2a-0000-4000-8000-000000000000`
    const young = `refs/countersign/fetch/${Date.now()}-6f1c1e2a-0000-4000-8000-000000000000`
    for (const ref of [old, young]) await own.project.git('update-ref', ref, own.head)
    await fixture.store.fetchRemote(own.project.id, own.remote, 'main', never, identity)
    expect(await own.project.refs()).toEqual([young, 'refs/heads/main'])
  })
})

it('the store has a directory for keys that only its owner enters, and it is empty', async () => {
  expect(await readdir(join(fixture.directory, 'repositories', '.keys'))).toEqual([])
})
