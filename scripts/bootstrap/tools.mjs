import { spawnSync } from 'node:child_process'
import { BootstrapError, findProgram, run, say } from './run.mjs'

/** How each package manager installs, by the program that shows it is there. */
const packageManagers = [
  { program: 'apt-get', install: 'apt-get install -y' },
  { program: 'dnf', install: 'dnf install -y' },
  { program: 'apk', install: 'apk add' },
  { program: 'pacman', install: 'pacman -S --noconfirm' },
  { program: 'zypper', install: 'zypper install -y' },
  { program: 'brew', install: 'brew install' },
]

const oldestGit = [2, 38]

/** Checks what must be on PATH: without git nothing works, without python3 only some things do not. */
export function checkTools() {
  if (findProgram('git') === null) throw new BootstrapError(`git is missing. Get it with: ${installCommand('git')}`)
  const { stdout } = spawnSync('git', ['--version'], { encoding: 'utf8' })
  const [major = 0, minor = 0] = (/(\d+)\.(\d+)/.exec(stdout ?? '') ?? []).slice(1).map(Number)
  if (major < oldestGit[0] || (major === oldestGit[0] && minor < oldestGit[1])) {
    throw new BootstrapError(`git ${oldestGit.join('.')} or later is needed, and this is: ${String(stdout).trim()}.`)
  }
  if (findProgram('python3') === null) {
    say(`python3 is missing: Python projects cannot be tested. Get it with: ${installCommand('python3')}`)
  }
}

/** Installs bubblewrap as root on Debian and its kin; elsewhere says how. The server itself refuses to do without. */
export function installSandbox() {
  if (process.platform !== 'linux' || findProgram('bwrap') !== null) return
  if (isRoot() && findProgram('apt-get') !== null) {
    say('Installing bubblewrap, in which untrusted code is run.')
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
    const install = ['apt-get', 'install', '-y', '-qq', '--no-install-recommends', 'bubblewrap']
    if (run(install, { env }) || (run(['apt-get', 'update', '-qq'], { env }) && run(install, { env }))) return
  }
  say(`bubblewrap is missing: untrusted code cannot be run. Get it with: ${installCommand('bubblewrap')}`)
}

/** @param {string} name */
function installCommand(name) {
  const manager = packageManagers.find(({ program }) => findProgram(program) !== null)
  if (manager === undefined) return `your system's package manager (package ${name})`
  return `${isRoot() || manager.program === 'brew' ? '' : 'sudo '}${manager.install} ${name}`
}

function isRoot() {
  return process.getuid?.() === 0
}
