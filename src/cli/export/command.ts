import { resolve } from 'node:path'
import { type ExitCode, exitCodes, UsageError } from '../exit.ts'
import type { Output } from '../output.ts'
import { plural } from '../render/amounts.ts'
import { visibleLine } from '../render/visible-text.ts'
import { makeDirectory, requireEmpty } from './new-directory.ts'
import { type ExpectedFile, verifyFiles } from './verify-files.ts'

/** A version that is written to a disk. */
export interface ExportedVersion {
  readonly manifestHash: string
  readonly fileCount: number
  readonly totalBytes: number
  entries(): Promise<readonly ExpectedFile[]>
  submodules(): Promise<readonly string[]>
  write(directory: string): Promise<void>
}

export interface ExportOptions {
  /** Opens a version by its UUID; only called once the arguments make sense. */
  readonly withVersion: (id: string, use: (version: ExportedVersion) => Promise<ExitCode>) => Promise<ExitCode>
  readonly output: Output
  readonly signal: AbortSignal
  /** As a UUID or as the API gives it. */
  readonly version: string
  readonly directory: string
}

const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** @throws UsageError for what cannot be the id of a version */
const versionIdOf = (text: string): string => {
  const decoded = Buffer.from(text, 'base64').toString('latin1')
  const id = (decoded.startsWith('Version:') ? decoded.slice('Version:'.length) : text).toLowerCase()
  if (!uuid.test(id)) throw new UsageError(`${visibleLine(text)} is no version's id.`)
  return id
}

/**
 * Writes a version's files into a new directory and compares each of them with the manifest, and the manifest with its
 * stored hash. When anything is wrong there is no directory.
 * @throws UsageError; Error when there is no such version, or it is damaged
 */
export const exportVersion = async (options: ExportOptions): Promise<ExitCode> => {
  const { output, signal, withVersion } = options
  const id = versionIdOf(options.version)
  const directory = resolve(options.directory)
  await requireEmpty(directory)
  return withVersion(id, async (version) => {
    const links = await makeDirectory(directory, async (partial) => {
      const entries = await version.entries()
      signal.throwIfAborted()
      await version.write(partial)
      return await verifyFiles(partial, entries, signal)
    })
    const leftOut = [
      ...links.map((path) => ({ path, reason: 'a symbolic link that leads out of the directory' })),
      ...(await version.submodules()).map((path) => ({ path, reason: 'a submodule, whose content is elsewhere' })),
    ]
    const { manifestHash, fileCount, totalBytes } = version
    output.json({ type: 'exported', versionId: id, directory, manifestHash, fileCount, totalBytes, leftOut })
    for (const { path, reason } of leftOut) output.warn(`Left out: ${visibleLine(path)}, ${reason}.`)
    if (!output.quiet) {
      const written = plural(fileCount - links.length, 'file')
      output.print(`${written} in ${visibleLine(directory)}, as in the manifest ${manifestHash}.`)
    }
    return exitCodes.ok
  })
}
