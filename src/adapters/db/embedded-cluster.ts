import { createHmac, randomBytes } from 'node:crypto'
import {
  chmod,
  chown,
  lchown,
  mkdir,
  open,
  readdir,
  readFile,
  realpath,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { DatabaseAccount } from './embedded-account.ts'
import { makeReachable, type PostgresBinaries } from './embedded-binaries.ts'
import { hasCode, type Identity, processStart, runAs } from './embedded-process.ts'

export interface Cluster {
  /** What PostgreSQL calls its data directory. */
  readonly data: string
  /** Whom the files belong to, and so whom the server runs as; null when that is this process's user. */
  readonly identity: Identity | null
  readonly superuserPassword: string
  /** The password of the role that Countersign logs in with; it does not lead to the superuser's. */
  readonly applicationPassword: string
}

/**
 * Opens the cluster in a directory, and makes it first when there is none. A new cluster is made beside its place and
 * moved in whole, so that neither a crash nor a second process leaves or finds half of one.
 * @throws Error when the directory holds something else, or a cluster of another major version
 */
export async function openCluster(
  directory: string,
  account: DatabaseAccount | null,
  binaries: PostgresBinaries,
  isDurable: boolean,
): Promise<Cluster> {
  const data = join(directory, 'data')
  if ((await majorVersion(data)) === null) await makeCluster(directory, account, binaries, isDurable)
  const found = await majorVersion(data)
  if (found === null) {
    throw new Error(`${directory} holds files and no database. Move it away, and a new database is made there.`)
  }
  const wanted = binaries.version.split('.')[0]
  if (found !== wanted) {
    throw new Error(
      `The database in ${directory} was made by PostgreSQL ${found} and this is PostgreSQL ${wanted}. ` +
        'Move the rows with pg_dump and pg_restore, or start the version of Countersign that made it.',
    )
  }
  // Files of root's, after a restored backup for example, are nobody's that can serve them.
  if (account !== null && (await stat(data)).uid === 0) await handOver(data, account)
  const superuserPassword = (await readFile(join(directory, 'password'), 'utf8')).trim()
  return {
    data: await realpath(data),
    identity: account === null ? null : { uid: account.uid, gid: account.gid },
    superuserPassword,
    applicationPassword: createHmac('sha256', superuserPassword).update('countersign').digest('hex'),
  }
}

async function majorVersion(data: string): Promise<string | null> {
  try {
    return (await readFile(join(data, 'PG_VERSION'), 'utf8')).trim()
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return null
    throw error
  }
}

async function makeCluster(
  directory: string,
  account: DatabaseAccount | null,
  binaries: PostgresBinaries,
  isDurable: boolean,
): Promise<void> {
  await makeReachable(dirname(directory))
  await removeLeftovers(directory)
  const fresh = `${directory}.new-${process.pid}-${randomBytes(4).toString('hex')}`
  const data = join(fresh, 'data')
  const passwordFile = join(fresh, 'password')
  try {
    await mkdir(data, { recursive: true, mode: 0o700 })
    if (account !== null) await chmod(fresh, 0o711)
    await writeFile(passwordFile, `${randomBytes(24).toString('hex')}\n`, { mode: 0o600 })
    if (account !== null) {
      await handOver(data, account.initAs)
      await chown(passwordFile, account.initAs.uid, account.initAs.gid)
    }
    await runAs(account?.initAs ?? null, binaries.initdb, [
      `--pgdata=${data}`,
      '--username=postgres',
      `--pwfile=${passwordFile}`,
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      // The collation that comes with PostgreSQL itself: an upgrade of the system cannot make indexes wrong.
      '--no-locale',
      '--locale-provider=builtin',
      '--builtin-locale=C.UTF-8',
      '--no-instructions',
      ...(isDurable ? [] : ['--no-sync']),
    ])
    if (account !== null) {
      await handOver(data, account)
      await chown(passwordFile, 0, 0)
    }
    await rename(fresh, directory)
    if (isDurable) await syncDirectory(dirname(directory))
  } catch (error) {
    await rm(fresh, { recursive: true, force: true })
    // Somebody else's cluster is there now, or something that is none: openCluster looks.
    if (!hasCode(error, 'ENOTEMPTY', 'EEXIST', 'ENOTDIR')) throw error
  }
}

async function handOver(directory: string, identity: Identity): Promise<void> {
  await chown(directory, identity.uid, identity.gid)
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    await lchown(join(entry.parentPath, entry.name), identity.uid, identity.gid)
  }
}

/** What a process left that died while it made a cluster. */
async function removeLeftovers(directory: string): Promise<void> {
  const prefix = `${basename(directory)}.new-`
  for (const name of await readdir(dirname(directory))) {
    if (!name.startsWith(prefix)) continue
    const maker = Number(name.slice(prefix.length).split('-')[0])
    if (Number.isSafeInteger(maker) && (await processStart(maker)) !== null) continue
    await rm(join(dirname(directory), name), { recursive: true, force: true })
  }
}

async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory)
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
