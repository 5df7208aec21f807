/** What is wrong with a repository, in git's own words, and what it lacks. */

import { CatFileEndedError } from './cat-file.ts'
import { isObjectId, type ObjectKind } from './git-objects.ts'
import type { Repository } from './repository.ts'
import { GitCommandError } from './run-git.ts'

/** Every object is read and hashed: large repositories take their time. */
const verifyTimeoutMs = 3_600_000
const outputLimit = 64 * 1024 * 1024
const mostFindings = 200

/** The bits in which git says what it has found; above them it did not get to its end. */
const findingCodes = Array.from({ length: 128 }, (_, code) => code)

/** Null also for an object that is there and cannot be read. */
export async function objectKind(repository: Repository, id: string): Promise<ObjectKind | null> {
  if (!isObjectId(id)) return null
  try {
    return (await repository.info(id))?.kind ?? null
  } catch (error) {
    // git ends on some broken objects instead of answering.
    if (error instanceof CatFileEndedError) return null
    throw error
  }
}

/**
 * What is missing below trees that are there and that no reference may reach.
 * @throws GitCommandError when the references are broken, or a tree is
 */
export async function missingBelow(repository: Repository, trees: readonly string[]): Promise<string[]> {
  if (trees.length === 0) return []
  if (!trees.every(isObjectId)) throw new TypeError('a tree is named by a full object id')
  const { stdout } = await repository.git({
    args: ['rev-list', '--objects', '--no-object-names', '--missing=print', '--stdin', '--not', '--all'],
    stdin: Buffer.from(`${trees.join('\n')}\n`),
    outputLimit,
    timeoutMs: verifyTimeoutMs,
  })
  return stdout
    .toString('utf8')
    .split('\n')
    .flatMap((line) => (line.startsWith('?') ? [line.slice(1)] : []))
}

/** @throws the signal's reason */
export async function verify(repository: Repository, signal: AbortSignal): Promise<string[]> {
  try {
    const { exitCode, stdout, stderr } = await repository.git({
      args: ['fsck', '--full', '--strict', '--no-dangling', '--no-progress'],
      accept: findingCodes,
      outputLimit,
      timeoutMs: verifyTimeoutMs,
      signal,
    })
    const lines = findings(`${stdout.toString('utf8')}\n${stderr}`)
    return exitCode === 0 ? [] : lines.length > 0 ? lines : [`git fsck ended with ${exitCode} and said nothing`]
  } catch (error) {
    if (!(error instanceof GitCommandError)) throw error
    return findings(error.stderr || error.message)
  }
}

function findings(text: string): string[] {
  // A broken link is told in two lines, the second one indented.
  const joined = text.replace(/\n[ \t]+/g, ' ').split('\n')
  const lines = [...new Set(joined.map((line) => line.trim().replace(/\s+/g, ' ')).filter((line) => line !== ''))]
  if (lines.length <= mostFindings) return lines
  return [...lines.slice(0, mostFindings), `and ${lines.length - mostFindings} more`]
}
