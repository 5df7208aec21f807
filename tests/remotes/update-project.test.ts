import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { authenticate } from '../../src/domain/actor/authenticate.ts'
import { commitDiff } from '../../src/domain/commit/commit-diff.ts'
import { everythingStored, made, mutate, mutationDocument } from '../factories/api.ts'
import { diffState, gitOf, sqlOf } from '../factories/gate.ts'
import { actorWithToken, readyProject, rowId } from '../factories/pipeline.ts'
import type { TestServer } from '../support/server.ts'
import { type TemporaryDirectory, temporaryDirectory } from '../support/temporary-directory.ts'
import { createRemoteRepository } from './git-over-http.ts'
import { hasSshd, makeKey, serveSsh } from './git-over-ssh.ts'
import {
  approvedDiff,
  headHere,
  remoteProject,
  shownProject,
  startRemoteServer,
  token,
  update,
  withoutWorkers,
} from './projects.ts'

let server: TestServer
let keys: TemporaryDirectory
beforeAll(async () => {
  keys = await temporaryDirectory()
  server = await startRemoteServer({ env: { GIT_ALLOWED_HOSTS: '127.0.0.1,git.example.com,evil.example.com' } })
})
afterAll(async () => {
  await server[Symbol.asyncDispose]()
  await keys[Symbol.asyncDispose]()
})

const urlOf = (host: string) => `https://${host}/team/project.git`
const someToken = { accessToken: token }

/** A project without a remote's server: nothing here talks to one. */
const withRemote = async (): Promise<string> => {
  const id = await readyProject(server)
  await made(server, 'updateProject', {
    input: { id, remoteUrl: urlOf('git.example.com'), remoteCredential: someToken, pushOnCommit: true },
  })
  return id
}

describe('updateProject', () => {
  it('changes what is given, and leaves the rest', async () => {
    const id = await withRemote()
    const steps: readonly (readonly [object, object])[] = [
      [{ name: 'another name' }, { name: 'another name' }],
      [{ budget: { maxCostUsd: 5, maxTokens: 1000 } }, { budget: { maxCostUsd: 5, maxTokens: 1000 } }],
      [{ budget: { maxTokens: 0 } }, { budget: { maxCostUsd: null, maxTokens: 0 } }],
      [{ budget: null }, { budget: null }],
      [{ pushOnCommit: false }, { pushOnCommit: false }],
      [{ remoteUrl: 'https://git.example.com/other.git' }, { remoteUrl: 'https://git.example.com/other.git' }],
      [{ remoteCredential: null }, { hasRemoteCredential: false }],
      [{ remoteCredential: someToken }, { hasRemoteCredential: true }],
      [{ remoteUrl: null }, { remoteUrl: null, hasRemoteCredential: false }],
      [{ name: null, targetBranch: null, pushOnCommit: null }, {}],
    ]
    let expected: object = { ...(await shownProject(server, id)) }
    for (const [given, changed] of steps) {
      expect(await update(server, id, given)).toMatchObject({ __typename: 'Project', id })
      expected = { ...expected, ...changed }
      expect(await shownProject(server, id)).toEqual(expected)
    }
  })

  it.each([
    ['the same server', 'https://GIT.example.com:443/other.git', true],
    ['another host', urlOf('evil.example.com'), false],
    ['another port', urlOf('git.example.com:8443'), false],
    ['another protocol', 'http://git.example.com/team/project.git', false],
    ['another way in', 'git@git.example.com:team/project.git', false],
  ])('to a remote at %s keeps the credential: %s %s', async (_, remoteUrl, isKept) => {
    const id = await withRemote()
    expect(await update(server, id, { remoteUrl })).toMatchObject({ id })
    expect(await shownProject(server, id)).toMatchObject({ remoteUrl, hasRemoteCredential: isKept })
  })

  it.each<[string, object, string, RegExp]>([
    ['an empty name', { name: ' ' }, 'name', /empty/],
    ['a name with a control character', { name: 'a\u0007' }, 'name', /control/],
    ['a branch name that is none', { targetBranch: '--x' }, 'targetBranch', /branch name/],
    ['a branch that is not there', { targetBranch: 'nothing' }, 'targetBranch', /no branch "nothing"/],
    ['a file for a remote', { remoteUrl: 'file:///etc' }, 'remoteUrl', /"file" is not allowed/],
    ['a remote in a network that is not public', { remoteUrl: 'https://10.0.0.1/x.git' }, 'remoteUrl', /public/],
    ['a password in the URL', { remoteUrl: 'https://a:tok-1@git.example.com/x' }, 'remoteUrl', /credentials/],
    ['a user name in the URL', { remoteUrl: 'https://tok-1@git.example.com/x' }, 'remoteUrl', /credentials/],
    ['no remote to push to', { remoteUrl: null }, 'pushOnCommit', /needs a remote/],
    ['an empty token', { remoteCredential: { accessToken: ' ' } }, 'remoteCredential.accessToken', /empty/],
    [
      'a token of two lines',
      { remoteCredential: { accessToken: 'tok-1\nx' } },
      'remoteCredential.accessToken',
      /blank/,
    ],
    ['a user alone', { remoteCredential: { accessToken: 'tok-1:' } }, 'remoteCredential.accessToken', /user name/],
    ['a negative budget', { budget: { maxTokens: -1 } }, 'budget.maxTokens', /negative/],
  ])('refuses %s, says so at the field, and changes nothing', async (_, fields, path, message) => {
    const id = await withRemote()
    const before = [await shownProject(server, id), await everythingStored(server)]
    const answer = await update(server, id, { name: 'changed', ...fields })
    expect(answer).toMatchObject({
      __typename: 'ValidationError',
      fieldErrors: [{ path: path.split('.'), message: expect.stringMatching(message) }],
    })
    expect(JSON.stringify(answer)).not.toContain('tok-')
    expect([await shownProject(server, id), await everythingStored(server)]).toEqual(before)
  })

  it.each([
    ['pushing', { pushOnCommit: true }, 'pushOnCommit'],
    ['a credential', { remoteCredential: someToken }, 'remoteCredential'],
  ])('refuses %s without a remote', async (_, fields, path) => {
    const id = await readyProject(server)
    expect(await update(server, id, fields)).toMatchObject({
      fieldErrors: [{ path: [path], message: expect.stringMatching(/needs a remote/) }],
    })
  })

  it('is for an ADMIN of the project, and not for archived or failed ones', async () => {
    const id = await readyProject(server)
    const reviewer = await actorWithToken(server, { role: 'REVIEWER' })
    expect(await update(server, id, { name: 'x' }, reviewer.token)).toMatchObject({
      __typename: 'ForbiddenError',
      requiredRole: 'ADMIN',
    })
    const member = await actorWithToken(server, {})
    expect(await update(server, id, { name: 'x' }, member.token)).toMatchObject({ __typename: 'NotFoundError' })
    await made(server, 'setProjectMember', { projectId: id, actorId: member.id, role: 'ADMIN' })
    expect(await update(server, id, { name: 'x' }, member.token)).toMatchObject({ id })
    await made(server, 'archiveProject', { id })
    expect(await update(server, id, { name: 'y' })).toMatchObject({
      __typename: 'InvalidTransitionError',
      from: 'ARCHIVED',
    })
    const input = { name: 'x', source: { gitUrl: { url: 'http://127.0.0.1:1/x.git' } } }
    const failed = await made(server, 'createProject', { input })
    await expect.poll(async () => (await shownProject(server, failed)).status, { timeout: 10_000 }).toBe('FAILED')
    expect(await update(server, failed, { name: 'y' })).toMatchObject({
      __typename: 'ValidationError',
      message: expect.stringMatching(/FAILED.*must be READY/),
    })
  })
})

describe('another target branch', () => {
  it('is where the head stands from now on, and diffs approved on the old one go back under review', async () => {
    const id = await readyProject(server)
    const diff = await approvedDiff(server, id)
    await gitOf(server, id, 'branch', 'release', 'main')
    expect(await update(server, id, { targetBranch: 'release' })).toMatchObject({ id })
    // At the same commit nothing has drifted.
    expect(await diffState(server, diff.id)).toMatchObject({ status: 'APPROVED', drifted: false })
    const who = ['-c', 'user.name=Somebody', '-c', 'user.email=somebody@example.com']
    const ahead = await gitOf(server, id, ...who, 'commit-tree', '-p', 'main', '-m', 'x', 'main^{tree}')
    await gitOf(server, id, 'update-ref', 'refs/heads/next', ahead)
    expect(await update(server, id, { targetBranch: 'next' })).toMatchObject({ id })
    expect(await shownProject(server, id)).toMatchObject({ targetBranch: 'next', headCommit: ahead })
    expect(await diffState(server, diff.id)).toMatchObject({ status: 'HUMAN_REVIEWING', drifted: true })
  })

  it('does not disturb a commit that is under way, which ends on its own branch', async () => {
    await using quiet = await withoutWorkers()
    const { idle, project } = quiet
    const diff = await approvedDiff(idle, project.id)
    await gitOf(idle, project.id, 'branch', 'release', 'main')
    const { services } = idle.context
    const viewer = await authenticate(services, idle.token)
    if (!viewer) throw new Error('There is no administrator.')
    const interrupted = {
      ...services,
      git: {
        ...services.git,
        async moveBranch(...move: Parameters<typeof services.git.moveBranch>) {
          expect(await update(idle, project.id, { targetBranch: 'release' })).toMatchObject({ id: project.id })
          return services.git.moveBranch(...move)
        },
      },
    }
    await commitDiff(interrupted, viewer, rowId(diff.id))
    expect((await diffState(idle, diff.id)).status).toBe('COMMITTED')
    expect(await headHere(idle, project.id)).not.toBe(diff.baseCommit)
    expect(await shownProject(idle, project.id)).toMatchObject({ targetBranch: 'release', headCommit: diff.baseCommit })
  })
})

describe('a private key', () => {
  const give = (id: string, sshPrivateKey: string) => update(server, id, { remoteCredential: { sshPrivateKey } })

  it.each<[string, string, string, string[]]>([
    ['ed25519', 'ed25519', '', []],
    ['RSA in PEM', 'rsa', '', ['-b', '2048', '-m', 'PEM']],
    ['ECDSA in PKCS8', 'ecdsa', '', ['-m', 'PKCS8']],
  ])('of %s is taken, also with line ends of another system and without the last one', async (name, ...made) => {
    const [type, passphrase, format] = made
    const id = await readyProject(server)
    await update(server, id, { remoteUrl: 'ssh://git@127.0.0.1/x.git' })
    const key = await makeKey(join(keys.path, name.replaceAll(' ', '-')), type, passphrase, format)
    for (const text of [key, key.trim(), key.replaceAll('\n', '\r\n'), `\n  ${key}\n\n`]) {
      expect(await give(id, text)).toMatchObject({ id })
    }
    const [row] = await sqlOf(server, 'select remote_credential as sealed from project where id = $1', [rowId(id)])
    const opened = server.context.services.secrets.open(String(row?.sealed), rowId(id))
    expect(JSON.parse(opened)).toEqual({ kind: 'SSH_KEY', privateKey: key })
  })

  it('with a passphrase, of the public kind, cut or otherwise none is refused with that said', async () => {
    const id = await readyProject(server)
    await update(server, id, { remoteUrl: 'ssh://git@127.0.0.1/x.git' })
    const plain = await makeKey(join(keys.path, 'plain'))
    const cases: readonly (readonly [string, RegExp])[] = [
      [await makeKey(join(keys.path, 'locked'), 'ed25519', 'a passphrase'), /passphrase/],
      [await makeKey(join(keys.path, 'locked-pem'), 'rsa', 'a passphrase', ['-b', '2048', '-m', 'PEM']), /passphrase/],
      [
        await makeKey(join(keys.path, 'locked-pkcs8'), 'rsa', 'a passphrase', ['-b', '2048', '-m', 'PKCS8']),
        /passphrase/,
      ],
      [await readFile(join(keys.path, 'plain.pub'), 'utf8'), /not a private key/],
      [plain.split('\n').slice(0, -2).join('\n'), /not a private key/],
      [plain.split('\n').slice(1).join('\n'), /not a private key/],
      ['-----BEGIN RSA PRIVATE KEY-----\nbm9uc2Vuc2U=\n-----END RSA PRIVATE KEY-----', /not a private key/],
      ['-----BEGIN OPENSSH PRIVATE KEY-----\nbm9uc2Vuc2U=\n-----END OPENSSH PRIVATE KEY-----', /not a private key/],
      ['', /not a private key/],
      ['x'.repeat(20_001), /at most 20000/],
    ]
    for (const [text, message] of cases) {
      const answer = await give(id, text)
      expect(answer.fieldErrors?.[0]).toMatchObject({
        path: ['remoteCredential', 'sshPrivateKey'],
        message: expect.stringMatching(message),
      })
      if (text.length > 100) expect(JSON.stringify(answer)).not.toContain(text.slice(40, 60))
    }
    expect(await shownProject(server, id)).toMatchObject({ hasRemoteCredential: false })
  })

  it('is refused for a remote over https, and a token for one over ssh, at creation as well', async () => {
    const sshPrivateKey = await makeKey(join(keys.path, 'misplaced'))
    const [web, shell] = ['https://127.0.0.1/x.git', 'ssh://git@127.0.0.1/x.git']
    for (const [url, credential, message] of [
      [web, { sshPrivateKey }, /private key serves for remotes over ssh, and this one is over https/],
      [shell, someToken, /access token serves for remotes over https, and this one is over ssh/],
    ] as const) {
      const id = await readyProject(server)
      expect(await update(server, id, { remoteUrl: url, remoteCredential: credential })).toMatchObject({
        fieldErrors: [{ path: ['remoteCredential'], message: expect.stringMatching(message) }],
      })
      const input = { name: 'x', source: { gitUrl: { url, credential } } }
      expect(await mutate(server, 'createProject', { input })).toMatchObject({
        fieldErrors: [{ path: ['source', 'gitUrl', 'credential'], message: expect.stringMatching(message) }],
      })
    }
  })

  it.skipIf(!hasSshd)('opens a remote over ssh from creation to push (needs /usr/sbin/sshd)', async () => {
    await using repository = await createRemoteRepository()
    await using shell = await serveSsh()
    const url = `ssh://${shell.user}@127.0.0.1:${shell.port}${repository.directory}`
    const credential = { sshPrivateKey: shell.key.replaceAll('\n', '\r\n') }
    const id = await readyProject(server, { source: { gitUrl: { url, credential } } })
    const theirs = await repository.commit()
    expect(await mutate(server, 'syncProject', { id })).toMatchObject({ id })
    expect(await shownProject(server, id)).toMatchObject({ headCommit: theirs, hasRemoteCredential: true })
    await update(server, id, { pushOnCommit: true })
    const diff = await approvedDiff(server, id)
    await made(server, 'commitDiff', { diffId: diff.id })
    await expect.poll(() => repository.head(), { timeout: 20_000 }).toBe(await headHere(server, id))
  })
})

it.each([
  ['two', { accessToken: 'tok-1', sshPrivateKey: 'tok-2' }],
  ['none', {}],
  ['one that is null', { accessToken: null }],
])('a credential with %s of its fields is refused before anything runs', async (_, remoteCredential) => {
  await using project = await remoteProject(server)
  const { errors, data } = await server.request(mutationDocument('updateProject'), {
    input: { id: project.id, remoteCredential },
  })
  expect(data ?? null).toBeNull()
  expect(errors?.[0]?.message).toMatch(/RemoteCredentialInput|remoteCredential/)
})
