/** What every git process is started with: nothing of the machine's or the user's, only what is written here. */

export interface GitEnvironmentOptions {
  /** An empty directory. */
  readonly home: string
  /** Where git and its helpers are found. */
  readonly searchPath: string
  /** How long to wait for a reference that another git has locked, in milliseconds (default ten seconds). */
  readonly lockTimeoutMs?: number | undefined
}

export type GitConfiguration = readonly (readonly [key: string, value: string])[]

export const defaultSearchPath = '/usr/local/bin:/usr/bin:/bin:/opt/homebrew/bin'

/**
 * Stronger than a repository's own configuration file, since it comes by the environment. It also reaches the
 * helpers that git starts.
 */
const configuration: GitConfiguration = [
  ['core.hooksPath', '/dev/null'],
  ['core.fsmonitor', 'false'],
  ['core.attributesFile', '/dev/null'],
  // The empty tree: git from 2.43 on also reads attributes from the head of a bare repository.
  ['attr.tree', '4b825dc642cb6eb9a060e54bf8d69288fbee4904'],
  ['core.excludesFile', '/dev/null'],
  ['core.askPass', ''],
  ['core.pager', 'cat'],
  ['core.protectNTFS', 'true'],
  ['core.protectHFS', 'true'],
  // Objects and references survive a loss of power, as the rows that speak of them do.
  ['core.fsync', 'committed'],
  ['credential.helper', ''],
  ['protocol.allow', 'never'],
  ['transfer.fsckObjects', 'true'],
  ['fetch.recurseSubmodules', 'no'],
  ['submodule.recurse', 'false'],
  ['gc.auto', '0'],
  ['maintenance.auto', 'false'],
  ['advice.detachedHead', 'false'],
]

/** The whole environment of a git process; `extra` is added to the configuration and wins over it. */
export function gitEnvironment(options: GitEnvironmentOptions, extra: GitConfiguration = []): Record<string, string> {
  const environment: Record<string, string> = {
    PATH: options.searchPath,
    HOME: options.home,
    XDG_CONFIG_HOME: options.home,
    LC_ALL: 'C',
    TZ: 'UTC',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_SYSTEM: '/dev/null',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_ATTR_NOSYSTEM: '1',
    GIT_TERMINAL_PROMPT: '0',
    GIT_ASKPASS: '',
    GIT_TEMPLATE_DIR: options.home,
    GIT_OPTIONAL_LOCKS: '0',
    GIT_NO_REPLACE_OBJECTS: '1',
    GIT_NO_LAZY_FETCH: '1',
    GIT_PROTOCOL_FROM_USER: '0',
  }
  const lockTimeout = String(options.lockTimeoutMs ?? 10_000)
  const locks: GitConfiguration = [
    ['core.filesRefLockTimeout', lockTimeout],
    ['core.packedRefsTimeout', lockTimeout],
  ]
  const all = [...configuration, ...locks, ...extra]
  environment.GIT_CONFIG_COUNT = String(all.length)
  for (const [index, [key, value]] of all.entries()) {
    environment[`GIT_CONFIG_KEY_${index}`] = key
    environment[`GIT_CONFIG_VALUE_${index}`] = value
  }
  return environment
}
