import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { lstat, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { promisify } from 'node:util'
import { SYSTEM_PATH } from './find-program.ts'
import { removeTree } from './remove-tree.ts'

const execute = promisify(execFile)

/**
 * What setup commands are shown of the machine's /etc: what package managers, resolvers, loaders and the scripts of
 * packages read. Neither passwords and keys, nor the settings of servers, nor what belongs to users.
 */
const SHOWN =
  /^(adduser\.conf|alternatives|apt|bash\.bashrc|ca-certificates|ca-certificates\.conf|debconf\.conf|debian_version|deluser\.conf|dpkg|fonts|gai\.conf|host\.conf|hosts|java-\d.*|ld\.so\.(cache|conf|conf\.d)|libaudit\.conf|locale\.(alias|gen)|localtime|login\.defs|lsb-release|magic|magic\.mime|mime\.types|networks|npmrc|nsswitch\.conf|os-release|perl|pip\.conf|profile|protocols|python\d.*|rpc|services|sgml|shells|terminfo|timezone|ucf\.conf|xattr\.conf|xml|yum\.repos\.d|dnf|rpm|pki)$/
const SHOWN_OF_SSL = ['/etc/ssl/certs', '/etc/ssl/openssl.cnf'] as const

/** Where the machine keeps what opens private package servers. */
const CREDENTIALS = ['apt/auth.conf', 'apt/auth.conf.d', 'pki/tls/private', 'pki/entitlement', 'pki/consumer'] as const
/** A user with a password in an address, or a setting that holds a secret. */
const SECRET = /:\/\/[^\s/@:]+:[^\s/@]+@|_auth(token)?\s*=|_password\s*=/i
/** Which of them may have such an address. */
const ADDRESSES = /^(apt\/.*|npmrc|pip\.conf|yum\.repos\.d\/.*|dnf\/.*)$/

/** Users and groups of the system: those of people are not shown. */
const isSystemId = (id: number) => id < 1_000 || id === 65_534

/**
 * Copies the machine's settings that setup commands need.
 * @param etc a fresh directory
 * @returns what was left out because it holds credentials
 */
export async function copySettings(etc: string): Promise<readonly string[]> {
  const shown = (await readdir('/etc')).filter((name) => SHOWN.test(name)).map((name) => `/etc/${name}`)
  await mkdir(join(etc, 'ssl'), { recursive: true })
  const env = { PATH: SYSTEM_PATH }
  const copy = async (sources: readonly string[], target: string) => {
    // It goes on after what this server may not read, which is not shown either.
    if (sources.length > 0) await execute('cp', ['-a', '--', ...sources, target], { env }).catch(() => {})
  }
  await copy(shown, etc)
  await copy(
    SHOWN_OF_SSL.filter((path) => existsSync(path)),
    join(etc, 'ssl'),
  )
  await execute('find', [etc, '-type', 'f', '!', '-perm', '-o=r', '-delete'], { env })
  for (const path of CREDENTIALS) await rm(join(etc, path), { recursive: true, force: true })
  const omitted = await omitSecrets(etc)
  await writeAccounts(etc)
  // Often a link to where a resolver keeps it.
  await writeFile(join(etc, 'resolv.conf'), await readFile('/etc/resolv.conf').catch(() => ''))
  return omitted
}

/** Takes settings with credentials out of a copy of /etc. @returns what they are called on the machine */
export async function omitSecrets(etc: string): Promise<readonly string[]> {
  const omitted: string[] = []
  for (const entry of await readdir(etc, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name)
    const name = relative(etc, path)
    if (!entry.isFile() || !ADDRESSES.test(name) || !SECRET.test(await readFile(path, 'latin1'))) continue
    await rm(path)
    omitted.push(`/etc/${name}`)
  }
  return omitted
}

/** Scripts of packages make users and look them up; no password of anybody is needed for that. */
async function writeAccounts(etc: string): Promise<void> {
  const keep = async (name: string) => {
    const lines = (await readFile(`/etc/${name}`, 'utf8')).split('\n')
    return lines.filter((line) => line !== '' && isSystemId(Number(line.split(':')[2])))
  }
  const [users, groups] = await Promise.all([keep('passwd'), keep('group')])
  const names = (lines: readonly string[]) => lines.map((line) => line.split(':')[0] ?? '')
  const withoutMembers = groups.map((line) => `${line.split(':').slice(0, 3).join(':')}:`)
  await writeFile(join(etc, 'passwd'), `${users.join('\n')}\n`)
  await writeFile(join(etc, 'group'), `${withoutMembers.join('\n')}\n`)
  await writeFile(
    join(etc, 'shadow'),
    names(users)
      .map((name) => `${name}:*:19000:0:99999:7:::\n`)
      .join(''),
    { mode: 0o600 },
  )
  await writeFile(
    join(etc, 'gshadow'),
    names(groups)
      .map((name) => `${name}:*::\n`)
      .join(''),
    { mode: 0o600 },
  )
}

/** Of the settings a later run needs only which of several programs has a name. */
export async function dropSettings(etc: string): Promise<void> {
  for (const name of await readdir(etc)) {
    const isKept = name === 'alternatives' && (await lstat(join(etc, name))).isDirectory()
    if (!isKept) await removeTree(join(etc, name))
  }
}
