import { readFile, stat } from 'node:fs/promises'
import { hasCode, type Identity } from './embedded-process.ts'

/** Who the database runs as when this process is root, whom PostgreSQL refuses. */
export interface DatabaseAccount extends Identity {
  /** initdb wants an account that the system knows by name; the server itself does not. */
  readonly initAs: Identity
}

/** Between systemd's ranges for homed and dynamic users, so that no tool hands it out. */
const privateNumber = 60_700

/**
 * The account for the database: null when this process is not root and the database can be its own. As root it is
 * whom an existing cluster belongs to, so that root can serve what another user began; else the system's `postgres`
 * user; else a number of its own, for which nothing is added to the system: initdb then runs as `nobody`, and what it
 * made is handed over before the server starts.
 * @throws Error when the system has no account but root
 */
export async function databaseAccount(cluster: string, passwdFile = '/etc/passwd'): Promise<DatabaseAccount | null> {
  if (process.getuid?.() !== 0) return null
  const owner = await ownerOf(cluster)
  if (owner !== null && owner.uid !== 0) return { ...owner, initAs: owner }

  const accounts = parsePasswd(await readFile(passwdFile, 'utf8')).filter((account) => account.uid > 0)
  const known = accounts.find((account) => account.name === 'postgres')
  if (known !== undefined) return { uid: known.uid, gid: known.gid, initAs: known }
  const nobody = accounts.find((account) => account.name === 'nobody') ?? accounts[0]
  if (nobody === undefined) {
    throw new Error(
      'PostgreSQL does not run as root, and this system has no other account. ' +
        'Start Countersign as another user, or set DATABASE_URL to a database that is already there.',
    )
  }
  const taken = new Set(accounts.flatMap((account) => [account.uid, account.gid]))
  let number = privateNumber
  while (taken.has(number)) number += 1
  return { uid: number, gid: number, initAs: nobody }
}

async function ownerOf(path: string): Promise<Identity | null> {
  try {
    const { uid, gid } = await stat(path)
    return { uid, gid }
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return null
    throw error
  }
}

function parsePasswd(text: string): (Identity & { name: string })[] {
  return text.split('\n').flatMap((line) => {
    const [name, , uid, gid] = line.split(':')
    if (!name || !/^\d+$/.test(uid ?? '') || !/^\d+$/.test(gid ?? '')) return []
    return [{ name, uid: Number(uid), gid: Number(gid) }]
  })
}
