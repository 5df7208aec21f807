/** One hunk of a file's patch, as git wrote it. */
export interface Hunk {
  readonly header: string
  readonly oldStart: number
  readonly oldLines: number
  readonly newStart: number
  readonly newLines: number
  /** Header and lines, each ending in a line feed. */
  readonly text: string
}

const hunkHeader = /^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@/

/**
 * The hunks of one file's patch in git's unified format. Lines are taken by the header's counts, never by how
 * they look, since a changed line may itself look like a header.
 */
export const parseHunks = (patch: string): readonly Hunk[] => {
  const lines = patch.split('\n')
  const hunks: Hunk[] = []
  let at = 0
  while (at < lines.length) {
    const header = lines[at] ?? ''
    const match = hunkHeader.exec(header)
    if (!match) {
      at += 1
      continue
    }
    const [, oldStart = '0', oldCount = '1', newStart = '0', newCount = '1'] = match
    let oldLeft = Number(oldCount)
    let newLeft = Number(newCount)
    const taken = [header]
    at += 1
    while (at < lines.length && (oldLeft > 0 || newLeft > 0 || lines[at]?.startsWith('\\'))) {
      const line = lines[at] ?? ''
      if (line.startsWith('-')) oldLeft -= 1
      else if (line.startsWith('+')) newLeft -= 1
      else if (!line.startsWith('\\')) {
        oldLeft -= 1
        newLeft -= 1
      }
      taken.push(line)
      at += 1
    }
    hunks.push({
      header,
      oldStart: Number(oldStart),
      oldLines: Number(oldCount),
      newStart: Number(newStart),
      newLines: Number(newCount),
      text: `${taken.join('\n')}\n`,
    })
  }
  return hunks
}
