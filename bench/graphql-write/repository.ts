import { join } from 'node:path'
import pg from 'pg'
import { createGitStore } from '../../src/adapters/git/git-store.ts'
import { rowId } from '../harness/rows.ts'

/** What every file holds. */
export const lines: readonly string[] = [
  'import os',
  '',
  ...Array.from({ length: 40 }, (_, index) => `LIMIT_${index} = ${index * index}`),
]

const author = { name: 'Bench', email: 'bench@localhost', at: new Date('2026-01-01T00:00:00Z') }

/** All the files that the diffs of `makeRows` touch. */
function* everyFile() {
  const content = Buffer.from(`${lines.join('\n')}\n`)
  const mode = '100644' as const
  for (let index = 0; index < 13; index++) {
    for (const place of [1, 2]) yield { path: `src/package_${index}/module_${place}.py`, mode, content }
  }
  for (let index = 0; index < 97; index++) yield { path: `tests/test_${index}.py`, mode, content }
}

/** Gives the first project of `makeRows` a repository, in which its diffs' trees are. */
export const makeRepository = async (databaseUrl: string, dataDir: string): Promise<void> => {
  const projectId = rowId('project-1')
  await using git = createGitStore({
    root: join(dataDir, 'repositories'),
    scratch: join(dataDir, 'scratch'),
    allowedProtocols: [],
    allowedHosts: null,
  })
  const draft = git.newDraft()
  await git.create(draft, { objectFormat: 'SHA1', branch: 'main' })
  const head = await git.importFiles(draft, everyFile(), { branch: 'main', message: 'Begin', author })
  await git.publish(draft, projectId)
  const tree = await git.treeOf(projectId, head)
  const client = new pg.Client(databaseUrl)
  await client.connect()
  try {
    await client.query('update diff set base_tree = $2, result_tree = $2 where project_id = $1', [projectId, tree])
  } finally {
    await client.end()
  }
}
