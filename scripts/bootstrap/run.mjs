import { spawnSync } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

/** What a person can put right; its message says how. */
export class BootstrapError extends Error {
  name = 'BootstrapError'
}

/** @param {string} text */
export function say(text) {
  process.stderr.write(`${text}\n`)
}

/**
 * The path of a program, as PATH finds it; null when it is not there.
 * @param {string} name
 * @param {string} [path]
 */
export function findProgram(name, path = process.env.PATH ?? '') {
  for (const folder of path.split(delimiter).filter((entry) => entry !== '')) {
    const file = join(folder, name)
    try {
      accessSync(file, constants.X_OK)
      return file
    } catch (error) {
      if (!['ENOENT', 'ENOTDIR', 'EACCES', 'ELOOP'].includes(error.code)) throw error
    }
  }
  return null
}

/**
 * The environment for programs that change node_modules: without the project's own programs, which vanish meanwhile.
 * @param {string} root
 */
export function outsideEnvironment(root) {
  const inside = join(root, 'node_modules')
  const path = (process.env.PATH ?? '').split(delimiter).filter((folder) => !folder.startsWith(inside))
  return { ...process.env, PATH: path.join(delimiter) }
}

/**
 * Runs a program with its output on stderr, and answers whether it exited with 0.
 * @param {readonly string[]} argv
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv }} [options]
 */
export function run(argv, options = {}) {
  const [file, ...args] = argv
  const { status, error } = spawnSync(file, args, { ...options, stdio: ['ignore', 2, 2] })
  if (error) say(`${file}: ${error.message}`)
  return status === 0
}
