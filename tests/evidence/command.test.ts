import { execFile, spawnSync } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Clone, type CommittedDiff, cloneOfProject, committedChange, sha256 } from '../factories/evidence.ts'
import { addsFile, readyProject } from '../factories/pipeline.ts'
import { machine, main } from '../support/command.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

const run = promisify(execFile)

interface Ended {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs the command line as a person does, far from any server: with nothing but a path to look for git in. */
const countersign = (cwd: string, ...args: readonly string[]): Promise<Ended> =>
  new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [main(), 'verify', ...args],
      { cwd, env: { ...machine, DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none' } },
      (_error, stdout, stderr) => resolve({ code: child.exitCode ?? -1, stdout, stderr }),
    )
  })

const stack = new AsyncDisposableStack()
let server: TestServer
let clone: Clone
let committed: CommittedDiff
let key: { readonly keyId: string; readonly publicKey: string }
beforeAll(async () => {
  server = stack.use(await startTestServer({ rehearsal: false }))
  const projectId = await readyProject(server)
  committed = await committedChange(server, projectId, {
    content: addsFile('a.txt', ['a']),
    commitMessage: 'Add a\n\nBecause.',
  })
  clone = stack.use(await cloneOfProject(server, projectId))
  key = (await server.query('{ signingKey { keyId publicKey } }')).signingKey
})
afterAll(() => stack.disposeAsync())

it('verify proves a commit of a clone by the fingerprint or the file of a key, and says on what it rests', async () => {
  const file = join(clone.path, '..', 'key.pem')
  await writeFile(file, key.publicKey)
  for (const given of [key.keyId, `sha256:${key.keyId.toUpperCase()}`, file]) {
    const { code, stdout, stderr } = await countersign(clone.path, '.', '--key', given)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toContain(`verified  ${committed.oid}  Add a\n`)
    expect(stdout).toMatch(/review {5}APPROVE by Administrator <.*>/)
    expect(stdout).toContain('tests      none were run')
    expect(stdout).toContain(`Signed with ${key.keyId}.`)
    expect(stdout).not.toContain('\u001b')
  }
  const told = await countersign('/', clone.path, 'main', '--key', key.keyId, '--json')
  expect(told.code).toBe(0)
  expect(JSON.parse(told.stdout)).toMatchObject({
    type: 'verify',
    oid: committed.oid,
    valid: true,
    keyId: key.keyId,
    faults: [],
    objects: 2,
    statement: { predicate: { commit: { message: 'Add a\n\nBecause.' } } },
  })
  expect(await countersign('/', clone.path, '--key', key.keyId, '--quiet')).toEqual({ code: 0, stdout: '', stderr: '' })
})

const hasOpenssl = spawnSync('bash', ['-c', 'command -v openssl']).status === 0

it.skipIf(!hasOpenssl)('what docs/EVIDENCE.md says how to verify by hand works (needs openssl)', async () => {
  await writeFile(join(clone.path, 'key.pem'), key.publicKey)
  const page = await readFile(new URL('../../docs/EVIDENCE.md', import.meta.url), 'utf8')
  const script = page.split('## Verify by hand')[1]?.split('```sh\n')[1]?.split('\n```')[0] ?? ''
  const { stdout } = await run('bash', ['--norc', '-ec', script], { cwd: clone.path, env: { PATH: process.env.PATH } })
  const tree = async (revision: string) => await clone.git('rev-parse', `${revision}^{tree}`)
  const hash = sha256(await readFile(join(clone.path, 'note.json')))
  expect(stdout.trim().split('\n')).toEqual([
    `${hash}  note.json`,
    `Countersign-Evidence: sha256:${hash}`,
    '',
    'Signature Verified Successfully',
    `${key.keyId}  -`,
    await tree('HEAD'),
    await tree('HEAD^'),
  ])
})

it('verify fails by name, with 1, and shows nothing that a terminal acts on', async () => {
  const other = await countersign('/', clone.path, '--key', '0'.repeat(64))
  expect(other).toMatchObject({ code: 1, stdout: expect.stringMatching(/^not proven .*\nOTHER_KEY: /) })
  const empty = await clone.git('commit-tree', '-m', 'Evil\u001b[31m\u202e', `${committed.oid}^{tree}`)
  const none = await countersign('/', clone.path, empty, '--key', key.keyId)
  expect(none).toMatchObject({ code: 1, stdout: expect.stringContaining('Evil<U+001B>[31m<U+202E>\nNO_EVIDENCE: ') })
  await clone.git('update-ref', '-d', 'refs/notes/countersign')
  const bare = await countersign('/', clone.path, '--key', key.keyId)
  expect(bare).toMatchObject({
    code: 1,
    stdout: expect.stringMatching(/NO_NOTE: .*\n.*git fetch origin refs\/notes\/countersign/),
  })
  const told = await countersign('/', clone.path, '--key', key.keyId, '--json')
  expect(told.code).toBe(1)
  expect(JSON.parse(told.stdout)).toMatchObject({ valid: false, statement: null, faults: [{ code: 'NO_NOTE' }] })
  const quiet = await countersign('/', clone.path, '--key', key.keyId, '--quiet')
  expect(quiet).toMatchObject({ code: 1, stdout: expect.stringContaining('NO_NOTE') })
})

it('verify of what is no repository, commit or key is a matter of usage', async () => {
  const file = join(clone.path, '..', 'no-key.pem')
  await writeFile(file, 'no key')
  const cases: readonly [readonly string[], RegExp][] = [
    [['/dev', '--key', key.keyId], /There is no git repository at \/dev/],
    [[clone.path, 'no-such', '--key', key.keyId], /There is no commit no-such/],
    [[clone.path, '--key', 'abc'], /--key is a fingerprint/],
    [[clone.path, '--key', file], /has no Ed25519 public key/],
    [[clone.path], /required option '--key/],
    [['--key', key.keyId], /missing required argument 'repo'/],
  ]
  for (const [args, says] of cases) {
    expect(await countersign('/', ...args)).toMatchObject({ code: 2, stderr: expect.stringMatching(says) })
  }
})
