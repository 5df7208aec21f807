import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { chmod, chown, mkdir, rename, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import type { SetUpRequest, SetUpResult } from '../../domain/ports/sandbox.ts'
import type { CommandUser } from './command-user.ts'
import { fixedLimits } from './default-limits.ts'
import { findProgram, SYSTEM_PATH } from './find-program.ts'
import { removeTree } from './remove-tree.ts'
import type { Confinement } from './run-bubblewrap.ts'
import type { SetUpPlace } from './set-up-commands.ts'
import { setUpLayer } from './set-up-layer.ts'
import { type BubblewrapPlace, runSetUpCommand } from './set-up-run.ts'
import { copySettings, dropSettings } from './set-up-settings.ts'
import { type LayeredTarget, SHIFTED_USERS, setUpCommand } from './set-up-stage.ts'

const execute = promisify(execFile)

/** The machine's own records of what is installed and what can be: package managers write into them. */
const RECORDS = ['/var/lib/dpkg', '/var/lib/apt', '/var/lib/ucf', '/var/lib/rpm', '/var/lib/dnf', '/var/lib/pacman']
/** Directories that the scripts of packages expect below /var. */
const VARIABLE = ['cache/apt/archives/partial', 'cache/debconf', 'lib/dpkg', 'lib/apt', 'log', 'tmp', 'spool']

/** Runs setup commands in bubblewrap. @throws SandboxUnavailableError */
export function setUpInBubblewrap(
  confinement: Confinement,
  searchPath: string,
  request: SetUpRequest,
): Promise<SetUpResult> {
  const isRoot = process.getuid?.() === 0
  const user = isRoot ? { uid: SHIFTED_USERS.first, gid: SHIFTED_USERS.first } : null
  return setUpLayer(request, user, (directory) => openPlace(confinement, searchPath, { user, directory, request }))
}

async function openPlace(
  confinement: Confinement,
  searchPath: string,
  { user, directory, request }: { user: CommandUser | null; directory: string; request: SetUpRequest },
): Promise<SetUpPlace> {
  const at = (name: string) => join(directory, name)
  const own = {
    workspace: at('workspace'),
    temporary: at('tmp'),
    etc: at('system/etc'),
    opt: at('system/opt'),
    variable: at('var'),
  }
  const omitted = await copySettings(own.etc)
  if (user === null) await writeAptSettings(own.etc)
  for (const path of [own.opt, join(own.temporary, 'home'), ...VARIABLE.map((name) => join(own.variable, name))]) {
    await mkdir(path, { recursive: true })
  }
  await give(Object.values(own), user)
  await chmod(own.temporary, 0o1777)
  const records = RECORDS.filter((path) => existsSync(path))
  const fault = user === null ? 'the server is not root' : await whyNotShifted(at('changes'))
  const layered = fault === null ? ['/usr', ...records] : []
  const changed = await Promise.all(
    layered.map((target, index) => prepareChanges(target, at(`changes/${index}`), user)),
  )
  const shown = [
    ...new Set(confinement.toolchains.flatMap((toolchain) => toolchain.directories)),
    ...(fault === null ? [] : records),
  ]
  const place: BubblewrapPlace = {
    confinement,
    limits: request.limits,
    stage: user === null ? null : { bound: [...Object.values(own), ...shown], layered: changed },
    own,
    shown,
    environment: environmentOf(confinement, searchPath),
  }
  return {
    notes: [
      ...(fault === null
        ? []
        : [
            `/usr cannot be changed here, nor packages of the system be installed (${fault}): a server that is root can, or the docker driver`,
          ]),
      ...omitted.map((path) => `${path} is not shown to setup commands: it holds credentials`),
    ],
    run: (argv, log, signal) => runSetUpCommand(place, argv, log, signal),
    async finish() {
      const usr = changed.find(({ target }) => target === '/usr')
      if (usr !== undefined) await rename(join(usr.changes, 'upper'), at('system/usr'))
      await dropSettings(own.etc)
      for (const name of ['changes', 'var', 'tmp']) await removeTree(at(name))
      // What was written without waiting for the disk is on it before the layer gets its name.
      await execute('sync', ['-f', directory], { env: { PATH: SYSTEM_PATH } })
    },
    end: async () => {},
  }
}

async function prepareChanges(target: string, changes: string, user: CommandUser | null): Promise<LayeredTarget> {
  await mkdir(join(changes, 'upper'), { recursive: true })
  await chmod(join(changes, 'upper'), 0o755)
  if (user !== null) await chown(join(changes, 'upper'), user.uid, user.gid)
  return { target, changes }
}

async function give(directories: readonly string[], user: CommandUser | null): Promise<void> {
  for (const directory of directories) await chmod(directory, 0o755)
  if (user === null) return
  await execute('chown', ['-Rh', '--', `${user.uid}:${user.gid}`, ...directories], { env: { PATH: SYSTEM_PATH } })
}

/** Where there is only one user, a download is made by that one. */
async function writeAptSettings(etc: string): Promise<void> {
  await mkdir(join(etc, 'apt/apt.conf.d'), { recursive: true })
  await writeFile(join(etc, 'apt/apt.conf.d/99setup'), 'APT::Sandbox::User "root";\n')
}

/** Why the system's directories cannot be mounted with shifted owners here; null when they can. It is tried. */
async function whyNotShifted(directory: string): Promise<string | null> {
  const probe = await prepareChanges('/usr', join(directory, 'probe'), null)
  const { argv, environment } = setUpCommand({ cgroups: [], bound: [], layered: [probe] }, ['true'])
  const [program = '', ...rest] = argv
  return execute(program, rest, { env: environment, timeout: fixedLimits.setupMs }).then(
    () => null,
    ({ stderr, message }: Error & { stderr?: string }) =>
      (stderr?.trim() || message).replaceAll(/\s+/g, ' ').slice(0, 300),
  )
}

function environmentOf({ toolchains }: Confinement, searchPath: string): Readonly<Record<string, string>> {
  const system = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin']
  const beside = toolchains.map(({ binDirectory }) => binDirectory).filter((place) => !system.includes(place))
  const settings = npmSettings(searchPath)
  return {
    // What is installed beside the system goes before the system's own, as in later runs.
    PATH: [...new Set([...beside, ...system])].join(':'),
    HOME: '/tmp/home',
    LANG: 'C.UTF-8',
    DEBIAN_FRONTEND: 'noninteractive',
    ...(settings === null ? {} : { NPM_CONFIG_GLOBALCONFIG: settings }),
  }
}

/** npm looks for the machine's settings beside the node that runs it, which need not be the one it was installed with. */
function npmSettings(searchPath: string): string | null {
  const npm = findProgram('npm', searchPath)
  const settings = npm === null ? null : join(dirname(dirname(npm)), 'etc/npmrc')
  return settings !== null && existsSync(settings) ? settings : null
}
