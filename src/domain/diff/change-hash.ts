import type { ChangedFile } from '../ports/git-store.ts'
import { canonicalHash, sha256 } from '../shared/canonical-hash.ts'
import { parseHunks } from './hunks.ts'

const body = (hunkText: string): string => hunkText.slice(hunkText.indexOf('\n') + 1)

/**
 * SHA-256 of what changes: paths, modes, and every added, removed and context line to the letter, without line
 * numbers and object ids. The same before and after a clean rebase; different for any change of a character
 * (unlike git's patch-id, which ignores white space).
 */
export const changeHash = (files: readonly ChangedFile[]): string =>
  canonicalHash(
    files.map((file) => ({
      path: file.path,
      previousPath: file.previousPath,
      kind: file.kind,
      oldMode: file.oldMode,
      newMode: file.newMode,
      // A binary's patch has no context lines, and text that is no UTF-8 is shown with replacement characters, the
      // same for different bytes: such contents are named by their ids.
      change:
        file.isBinary || file.patch.includes('\ufffd')
          ? [file.oldObjectId, file.newObjectId]
          : parseHunks(file.patch).map((hunk) => sha256(body(hunk.text))),
    })),
  )
