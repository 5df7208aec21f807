import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { BootstrapError, findProgram, outsideEnvironment, run } from './run.mjs'

/**
 * True when node_modules holds what package-lock.json says. Contents are compared and not dates, which a checkout or
 * a copy changes; packages of other platforms may be absent.
 * @param {string} root
 */
export function dependenciesAreInstalled(root) {
  const installed = packagesOf(join(root, 'node_modules', '.package-lock.json'))
  if (installed === null) return false
  const wanted = packagesOf(join(root, 'package-lock.json'))
  if (wanted === null) throw new BootstrapError(`${join(root, 'package-lock.json')} is missing: get it back from git.`)
  for (const [path, { version, optional, peer }] of Object.entries(wanted)) {
    if (path === '' || (installed[path] === undefined && (optional || peer))) continue
    if (installed[path]?.version !== version) return false
  }
  return Object.keys(installed).every((path) => wanted[path] !== undefined)
}

/** @param {string} file */
function packagesOf(file) {
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).packages : null
}

/**
 * Installs exactly what package-lock.json says, running no package's install script.
 * @param {string} root
 */
export function installDependencies(root) {
  const flags = [
    '--include=dev',
    '--include=optional',
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
    '--loglevel=error',
  ]
  npm(root, ['ci', ...flags], 'The dependencies could not be installed')
}

/**
 * Runs the install scripts of the packages that package.json allows, and of no others, whichever npm this is.
 * @param {string} root
 */
export function installScriptsAllowed(root) {
  const { allowScripts = {} } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const names = Object.entries(allowScripts)
    .filter(([, isAllowed]) => isAllowed === true)
    .map(([name]) => name.replace(/(?<=.)@[^/]*$/, ''))
    .filter((name) => existsSync(join(root, 'node_modules', name)))
  if (names.length === 0) return
  const flags = ['--ignore-scripts=false', '--loglevel=error']
  npm(root, ['rebuild', ...names, ...flags], `The install scripts of ${names.join(', ')} failed`)
}

/**
 * @param {string} root
 * @param {readonly string[]} args
 * @param {string} fault
 */
function npm(root, args, fault) {
  const env = outsideEnvironment(root)
  const program = findProgram('npm', env.PATH)
  if (program === null) throw new BootstrapError('npm is not on PATH. Install Node.js 20 or later, which brings it.')
  if (run([program, ...args], { cwd: root, env })) return
  throw new BootstrapError(`${fault}: see npm's own words above. Try again with: npm ${args.join(' ')}`)
}
