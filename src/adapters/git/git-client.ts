/**
 * simple-git with our environment: for git's ordinary local commands, whose input is arguments and whose output is text.
 * Not for remotes: when it stops git, the helper that talks to the remote (git-remote-https, ssh) goes on living.
 */

import { type SimpleGit, simpleGit } from 'simple-git'
import { type GitConfiguration, gitEnvironment } from './git-environment.ts'
import type { GitRunnerOptions } from './run-git.ts'

interface ClientTask {
  /** The bare repository. */
  readonly repository: string
  readonly configuration?: GitConfiguration
  readonly environment?: Readonly<Record<string, string>>
}

type GitClient = <T>(task: ClientTask, work: (git: SimpleGit) => Promise<T>) => Promise<T>

/** Of both outputs of a task together, in bytes. */
const outputLimit = 64 * 1024 * 1024

/**
 * Each task has a client of its own: a client runs its commands one after the other.
 * @throws GitError or GitPluginError (from the task) as simple-git does
 */
export function createGitClient(options: GitRunnerOptions): GitClient {
  return async (task, work) => {
    const environment = {
      ...gitEnvironment(options, task.configuration),
      GIT_DIR: task.repository,
      ...task.environment,
    }
    const limit = new AbortController()
    let written = 0
    const count = (chunk: Buffer) => {
      written += chunk.length
      if (written > outputLimit) limit.abort()
    }
    const git = simpleGit({
      baseDir: options.home,
      abort: limit.signal,
      timeout: { block: options.timeoutMs, stdOut: false, stdErr: false },
      allowEnvironment: Object.keys(environment),
      // Its guards are against a caller's text in these places; here they hold our own constants.
      unsafe: {
        allowUnsafeConfigPaths: true,
        allowUnsafeConfigEnvCount: true,
        allowUnsafeHooksPath: true,
        allowUnsafeFsMonitor: true,
        allowUnsafeAskPass: true,
        allowUnsafePager: true,
        allowUnsafeTemplateDir: true,
        allowUnsafeCredentialHelper: true,
        allowUnsafeProtocolOverride: true,
      },
    })
      .env(environment)
      .outputHandler((_command, stdout, stderr, args) => {
        options.onSpawn?.(args)
        stdout.on('data', count)
        stderr.on('data', count)
      })
    return await work(git)
  }
}
