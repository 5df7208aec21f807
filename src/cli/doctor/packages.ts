import { findProgram } from '../../adapters/sandbox/find-program.ts'

/** How each package manager installs, by the program that shows it is there. */
const managers = [
  { program: 'apt-get', install: 'apt-get install -y', needsRoot: true },
  { program: 'dnf', install: 'dnf install -y', needsRoot: true },
  { program: 'apk', install: 'apk add', needsRoot: true },
  { program: 'pacman', install: 'pacman -S --noconfirm', needsRoot: true },
  { program: 'zypper', install: 'zypper install -y', needsRoot: true },
  { program: 'brew', install: 'brew install', needsRoot: false },
] as const

/** The command that installs a package on this machine. */
export const installCommand = (name: string, searchPath: string): string => {
  const manager = managers.find(({ program }) => findProgram(program, searchPath) !== null)
  if (manager === undefined) return `install ${name} with the system's package manager`
  const sudo = manager.needsRoot && process.getuid?.() !== 0 ? 'sudo ' : ''
  return `${sudo}${manager.install} ${name}`
}
