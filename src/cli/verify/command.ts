import { type ExitCode, exitCodes, UsageError } from '../exit.ts'
import type { Output } from '../output.ts'
import { plural } from '../render/amounts.ts'
import { visibleLine } from '../render/visible-text.ts'
import { type ShownStatement, statementLines } from './render-statement.ts'
import { trustedKeyId } from './trusted-key.ts'

/** What came of verifying a commit. */
export interface VerifiedCommit {
  readonly oid: string
  readonly subject: string
  readonly faults: readonly { readonly code: string; readonly words: string }[]
  readonly statement: ShownStatement | null
  readonly objects: number
}

export interface VerifyOptions {
  readonly output: Output
  readonly repository: string
  /** As git reads revisions; undefined for what is checked out, which in a bare repository is the branch's head. */
  readonly commit: string | undefined
  /** A fingerprint, or a file with a public key. */
  readonly key: string
  /** Null when the repository has no such commit. */
  readonly verify: (repository: string, revision: string, keyId: string) => Promise<VerifiedCommit | null>
}

/**
 * Says whether a commit of a clone is what people countersigned, or by name why that is not proven.
 * @throws UsageError for a key that is none, or a commit that is not there
 */
export const verify = async (options: VerifyOptions): Promise<ExitCode> => {
  const { output, repository, key } = options
  const { style } = output
  const revision = options.commit ?? 'HEAD'
  const keyId = await trustedKeyId(key)
  const verified = await options.verify(repository, revision, keyId)
  if (verified === null) {
    throw new UsageError(`There is no commit ${visibleLine(revision)} in ${visibleLine(repository)}.`)
  }
  const { oid, subject, faults, statement, objects } = verified
  const isValid = faults.length === 0
  output.json({ type: 'verify', oid, valid: isValid, keyId, faults, objects, statement })
  const named = `${oid}  ${visibleLine(subject)}`.trimEnd()
  if (!isValid) {
    output.print(`${style.bad('not proven')}  ${named}`)
    for (const { code, words } of faults) output.print(visibleLine(`${code}: ${words}`))
    if (!output.quiet && faults.some((fault) => fault.code === 'NO_NOTE')) {
      output.print('If it was never fetched: git fetch origin refs/notes/countersign:refs/notes/countersign')
    }
    return exitCodes.failed
  }
  if (!output.quiet) {
    output.print(`${style.good('verified')}  ${named}`)
    for (const line of statement === null ? [] : statementLines(statement)) output.print(visibleLine(line))
    output.print(`${plural(objects, 'object')} of its tree compared with their names. Signed with ${keyId}.`)
  }
  return exitCodes.ok
}
