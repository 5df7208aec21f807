import { execFile } from 'node:child_process'
import { mkdir, readdir, readFile, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openKeyDirectory, sshEnvironment } from '../../src/adapters/git/remote-ssh.ts'
import { RemoteError } from '../../src/domain/errors.ts'
import type { RemoteCredential } from '../../src/domain/ports/git-store.ts'
import { author, openStore, type StoreFixture } from '../git/store-fixture.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { createRemoteRepository, type RemoteRepository } from './git-over-http.ts'
import { hasSshd, type SshServer, serveSsh } from './git-over-ssh.ts'

const never = new AbortController().signal
const identity = async (oid: string) => oid
const sshKey = (privateKey: string): RemoteCredential => ({ kind: 'SSH_KEY', privateKey })

describe.skipIf(!hasSshd)('a remote over ssh (needs /usr/sbin/sshd)', () => {
  const stack = new AsyncDisposableStack()
  let fixture: StoreFixture
  let repository: RemoteRepository
  let server: SshServer
  beforeAll(async () => {
    fixture = stack.use(await openStore({ allowedProtocols: ['ssh'], allowedHosts: ['127.0.0.1'] }))
    repository = stack.use(await createRemoteRepository())
    server = stack.use(await serveSsh())
  })
  afterAll(() => stack.disposeAsync())

  const url = () => `ssh://${server.user}@127.0.0.1:${server.port}${repository.directory}`
  const keyFiles = () => readdir(join(fixture.directory, 'repositories', '.keys'))

  const imported = async () => {
    const project = await fixture.draft()
    const remote = { url: url(), credential: sshKey(server.key) }
    const { head } = await fixture.store.importRemote(project.id, remote, undefined, never)
    return { project, remote, head }
  }

  const failure = async (pending: Promise<unknown>): Promise<RemoteError> => {
    const error = await pending.catch((each: unknown) => each)
    expect(error).toBeInstanceOf(RemoteError)
    return error as RemoteError
  }

  it('with its key is cloned, fetched from and pushed to; the key is in a file of its owner and only meanwhile', async () => {
    const { project, remote, head } = await imported()
    const { store } = fixture
    expect(head).toBe(await repository.head())
    const theirs = await repository.commit()
    const [oid, mode] = await store.fetchRemote(project.id, remote, 'main', never, async (fetched) => {
      const [directory = ''] = await keyFiles()
      const { mode } = await stat(join(fixture.directory, 'repositories', '.keys', directory, 'key'))
      return [fetched, mode & 0o777] as const
    })
    expect([oid, mode]).toEqual([theirs, 0o600])
    const tree = await store.treeOf(project.id, theirs)
    const request = { tree, parents: [theirs], message: 'ours', author, committer: author }
    const ours = await store.writeCommit(project.id, request)
    expect(await store.push(project.id, remote, 'main', ours, never)).toEqual({ landed: true })
    expect(await repository.head()).toBe(ours)
    expect(await keyFiles()).toEqual([])
    expect(fixture.spawns.flat().join('\n')).not.toContain(server.key.split('\n')[1])
  })

  it.each<[string, () => RemoteCredential | null, RegExp]>([
    ['another key', () => sshKey(server.otherKey), /refused the credential/],
    ['no key', () => null, /asks for a credential, and none is stored/],
    [
      'what is no key',
      () => sshKey('-----BEGIN OPENSSH PRIVATE KEY-----\nbm8=\n-----END OPENSSH PRIVATE KEY-----\n'),
      /./,
    ],
  ])('refuses %s, and the error says so', async (_, credential, message) => {
    const { project, remote } = await imported()
    const wrong = { ...remote, credential: credential() }
    const error = await failure(fixture.store.fetchRemote(project.id, wrong, 'main', never, identity))
    expect(error.message).toMatch(message)
    expect(error.details).toMatch(/Permission denied/)
    expect(await keyFiles()).toEqual([])
  })

  it('is trusted when it is met, and refused with that said when its host key has changed', async () => {
    const { project, remote } = await imported()
    const known = join(fixture.store.directory(project.id), 'known_hosts')
    expect(await readFile(known, 'utf8')).toMatch(`[127.0.0.1]:${server.port} ssh-ed25519 `)
    await server.changeHostKey()
    const error = await failure(fixture.store.fetchRemote(project.id, remote, 'main', never, identity))
    expect(error.message).toMatch(/key is not the one that this project has seen before/)
    expect(error.details).toMatch(/IDENTIFICATION HAS CHANGED/)
    // Another project has not met it.
    expect((await imported()).head).toBe(await repository.head())
  })
})

it("ssh is given nothing of the server's user: no key, no agent, no known hosts, no settings", async () => {
  const remote = { protocol: 'ssh', url: 'ssh://git@example.com/x', host: 'example.com', port: 22 }
  const { GIT_SSH_COMMAND: command } = sshEnvironment(remote, { addresses: ['192.0.2.1'] }, null)
  const { stdout } = await promisify(execFile)('sh', ['-c', `${command} -G example.com`])
  const settings = new Map(stdout.split('\n').map((line) => [line.split(' ')[0], line.split(' ').slice(1).join(' ')]))
  expect(settings.get('hostname')).toBe('192.0.2.1')
  expect(settings.get('identityfile')).toBe('none')
  expect(settings.get('identityagent')).toBe('none')
  expect(settings.get('userknownhostsfile')).toBe('known_hosts')
  expect(stdout).not.toContain('/.ssh/')
})

it('key files that a killed process left long ago are removed, and younger ones are not', async () => {
  await using scratch = await temporaryDirectory()
  const keys = openKeyDirectory(join(scratch.path, 'keys'), 60_000)
  expect((await stat(keys)).mode & 0o777).toBe(0o700)
  for (const name of ['key-old', 'key-young']) {
    await mkdir(join(keys, name))
    await writeFile(join(keys, name, 'key'), 'secret')
  }
  const past = new Date(Date.now() - 120_000)
  await utimes(join(keys, 'key-old'), past, past)
  openKeyDirectory(keys, 60_000)
  expect(await readdir(keys)).toEqual(['key-young'])
})
