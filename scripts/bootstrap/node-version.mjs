import { spawnSync } from 'node:child_process'
import { readFileSync, realpathSync } from 'node:fs'
import { join } from 'node:path'
import { BootstrapError, outsideEnvironment, run } from './run.mjs'

/**
 * The major version of Node that the project's own `node` package brings.
 * @param {string} root
 */
export function wantedNode(root) {
  const { devDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  return Number(/\d+/.exec(devDependencies.node)?.[0])
}

/**
 * True when node_modules/.bin/node, which npm's scripts find first, is that version.
 * @param {string} root
 */
export function nodeIsRight(root) {
  const version = projectNodeVersion(root)
  return version !== null && Number(/^v(\d+)/.exec(version)?.[1]) === wantedNode(root)
}

/** @param {string} root */
function projectNodeVersion(root) {
  const file = join(root, 'node_modules', '.bin', 'node')
  try {
    if (realpathSync(file) === realpathSync(process.execPath)) return process.version
  } catch (error) {
    if (error.code === 'ENOENT') return null
    throw error
  }
  const { status, stdout } = spawnSync(file, ['--version'], { encoding: 'utf8' })
  return status === 0 ? stdout.trim() : null
}

/**
 * Runs the `node` package's own install script, which brings the binary.
 * @param {string} root
 */
export function repairNode(root) {
  const directory = join(root, 'node_modules', 'node')
  run([process.execPath, 'installArchSpecificPackage.js'], { cwd: directory, env: outsideEnvironment(root) })
  if (nodeIsRight(root)) return
  throw new BootstrapError(
    `The project needs Node ${wantedNode(root)} and its package "node" could not bring it to ${directory}. ` +
      'Check that the package registry can be reached, remove node_modules and try again.',
  )
}
