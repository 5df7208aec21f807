import { lstat, mkdtemp, rename, rm } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { packBackup } from '../../adapters/backup/backup-archive.ts'
import type { BackupOptions } from '../../adapters/backup/backup-options.ts'
import { syncDirectory } from '../../adapters/backup/files.ts'
import { type Manifest, secretFile, secretNames } from '../../adapters/backup/manifest.ts'
import { type ExitCode, exitCodes, UsageError } from '../exit.ts'
import { requireEmpty } from '../export/new-directory.ts'
import type { Output } from '../output.ts'
import { formatBytes, plural } from '../render/amounts.ts'
import { visibleLine } from '../render/visible-text.ts'
import { createProgress } from './progress.ts'

export interface BackupCommand {
  readonly output: Output
  readonly signal: AbortSignal
  /** A new directory, or a new file when it ends with .tar.gz. */
  readonly path: string
  readonly withSecrets: boolean
  /** Fills a directory. */
  readonly take: (options: BackupOptions) => Promise<Manifest>
}

/** Whether a path is that of a backup in one file. */
export const isArchive = (path: string): boolean => /\.(?:tar\.gz|tgz)$/.test(path)

/** @throws UsageError when something is there already */
const requireFree = async (path: string): Promise<void> => {
  if (!isArchive(path)) return await requireEmpty(path)
  const found = await lstat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT' && error.code !== 'ENOTDIR') throw error
    return null
  })
  if (found) throw new UsageError(`${visibleLine(path)} is there already. Name a new file: none is overwritten.`)
}

/** What else a person has to keep, in a sentence. */
const secretsInWords = ({ files, keys }: Manifest): string => {
  const included = secretNames.filter((name) => files.some(({ path }) => path === secretFile(name)))
  const elsewhere = [['SECRET_KEY', keys.secretKey] as const, ['SIGNING_KEY', keys.signingKey] as const].flatMap(
    ([variable, { fingerprint, isIncluded }]) => (fingerprint !== null && !isIncluded ? [variable] : []),
  )
  const has = included.length > 0 ? `It has the secrets ${included.join(', ')}: keep it as safe as the server. ` : ''
  return `${has}${elsewhere.length > 0 ? `It does not have ${elsewhere.join(' and ')}: keep that elsewhere.` : ''}`.trim()
}

/**
 * Makes a backup whole or not at all: it is made beside its place and then moved there. Only its owner may read it.
 * @throws UsageError when the place is taken
 */
export const backup = async ({ output, signal, path, withSecrets, take }: BackupCommand): Promise<ExitCode> => {
  const place = resolve(path)
  await requireFree(place)
  const parent = dirname(place)
  const aside = await mkdtemp(join(parent, `.${basename(place)}.partial-`)).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT' && error.code !== 'ENOTDIR') throw error
    throw new UsageError(`There is no directory ${visibleLine(parent)}.`)
  })
  const progress = createProgress(output)
  let manifest: Manifest
  try {
    manifest = await take({ directory: aside, withSecrets, signal, progress })
    if (isArchive(place)) {
      progress('packing it into one file')
      await packBackup(aside, manifest, aside, 'packed', signal)
      await requireFree(place)
      await rename(join(aside, 'packed'), place)
    } else await rename(aside, place)
    await syncDirectory(parent)
  } catch (error) {
    // What was broken off says so in many ways.
    signal.throwIfAborted()
    throw error
  } finally {
    await rm(aside, { recursive: true, force: true })
  }
  const { at, version, tables, repositories, files, keys } = manifest
  const rows = tables.reduce((sum, table) => sum + table.rows, 0)
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0)
  const counts = { tables: tables.length, rows, repositories: repositories.length, bytes }
  const secrets = { secretKey: keys.secretKey.isIncluded, signingKey: keys.signingKey.isIncluded }
  output.json({ type: 'backup', path: place, at, version, ...counts, secrets })
  if (output.quiet) return exitCodes.ok
  const what = `${plural(rows, 'row')} and ${plural(repositories.length, 'repository', 'repositories')}`
  output.print(`${what}, ${formatBytes(bytes)}, as of ${at}, in ${visibleLine(place)}.`)
  const words = secretsInWords(manifest)
  if (words !== '') output.print(words)
  return exitCodes.ok
}
