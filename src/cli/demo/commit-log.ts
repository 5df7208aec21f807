import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { z } from 'zod'

export interface CommitLogOptions {
  readonly dataDir: string
  /** Of the API. */
  readonly projectId: string
  readonly oid: string
  readonly searchPath: string
}

const run = promisify(execFile)
const limitMs = 20_000
const outputBytes = 4 * 1024 * 1024

const globalProjectId = /^Project:([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/
const objectId = z.string().regex(/^[0-9a-f]{40}(?:[0-9a-f]{24})?$/, 'is no commit id')

/**
 * A project's bare repository in the data directory.
 * @throws Error when the id is none of a project: it becomes part of a path
 */
export const repositoryOf = (dataDir: string, projectId: string): string => {
  const uuid = globalProjectId.exec(Buffer.from(projectId, 'base64').toString('utf8'))?.[1]
  if (uuid === undefined) throw new Error('The server gave an id that is no project id.')
  return join(dataDir, 'repositories', `${uuid}.git`)
}

/**
 * The commit as git itself shows it, read from the repository and not from the server: `git log -1 --stat`. What it
 * says is text from outside.
 * @throws Error with git's words when the repository does not have it
 */
export const readCommitLog = async (options: CommitLogOptions): Promise<string> => {
  const repository = repositoryOf(options.dataDir, options.projectId)
  const oid = objectId.parse(options.oid)
  const { stdout } = await run(
    'git',
    [
      `--git-dir=${repository}`,
      '--no-pager',
      'log',
      '-1',
      '--stat=80',
      '--decorate=short',
      '--no-color',
      '--end-of-options',
      oid,
    ],
    {
      cwd: repository,
      timeout: limitMs,
      maxBuffer: outputBytes,
      env: {
        PATH: options.searchPath,
        HOME: repository,
        LC_ALL: 'C.UTF-8',
        GIT_CONFIG_NOSYSTEM: '1',
        GIT_CONFIG_GLOBAL: '/dev/null',
        GIT_TERMINAL_PROMPT: '0',
        GIT_OPTIONAL_LOCKS: '0',
      },
    },
  )
  return stdout.trimEnd()
}
