import { execFileSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readCommitLog, repositoryOf } from '../../src/cli/demo/commit-log.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

const globalId = (type: string, id: string) => Buffer.from(`${type}:${id}`).toString('base64')
const searchPath = process.env.PATH ?? ''

test('the commit is shown as the repository has it, with its files', async () => {
  await using directory = await temporaryDirectory()
  const uuid = randomUUID()
  const repository = join(directory.path, 'repositories', `${uuid}.git`)
  const git = (args: readonly string[], input = '') =>
    execFileSync('git', [...args], {
      input,
      encoding: 'utf8',
      env: { PATH: searchPath, GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_NOSYSTEM: '1' },
    }).trim()
  git(['init', '--quiet', '--bare', '--initial-branch=main', repository])
  const inside = ['--git-dir', repository, '-c', 'user.name=N', '-c', 'user.email=n@example.invalid']
  const blob = git([...inside, 'hash-object', '-w', '--stdin'], 'text\n')
  const tree = git([...inside, 'mktree'], `100644 blob ${blob}\tfile.txt\n`)
  const oid = git([...inside, 'commit-tree', '-m', 'A subject', tree])
  git([...inside, 'update-ref', 'refs/heads/main', oid])

  const options = { dataDir: directory.path, projectId: globalId('Project', uuid), searchPath }
  const log = await readCommitLog({ ...options, oid })
  expect(log).toContain(`commit ${oid} (HEAD -> main)`)
  expect(log).toContain('A subject')
  expect(log).toMatch(/file\.txt \| 1 \+/)
  await expect(readCommitLog({ ...options, oid: '0'.repeat(40) })).rejects.toThrow('bad object')
  await expect(readCommitLog({ ...options, oid: '--output=/tmp/x' })).rejects.toThrow('is no commit id')
})

test.each([
  globalId('Diff', randomUUID()),
  globalId('Project', '../../etc'),
  globalId('Project', `${randomUUID()}/../x`),
  'not base64',
])('%s is no project, so no path is made of it', (id) => {
  expect(() => repositoryOf('/data', id)).toThrow('no project id')
})
