import { writeFile } from 'node:fs/promises'
import { SourceMap, type SourceMapPayload } from 'node:module'
import { basename, join } from 'node:path'
import type { OutputChunk } from 'rolldown'
import { bundleElsewhere } from '../../scripts/bundle.ts'

const script = 'tests/chaos/server-process'

/** Of a line of a bundled file: from which column on it comes from which row of which file of the source. */
export type SourceRow = readonly [column: number, file: string, row: number]
export type SourceRows = Readonly<Record<string, Readonly<Record<number, readonly SourceRow[]>>>>

/**
 * Writes the server's process as a release has it: a run is made of starts.
 * @returns the file to run, and the one that has `SourceRows` as JSON
 */
export const bundleServerProcess = async (directory: string): Promise<{ script: string; sourceRows: string }> => {
  const chunks = await bundleElsewhere(directory, [script])
  const rows: SourceRows = Object.fromEntries(chunks.map((chunk) => [basename(chunk.fileName), rowsOf(chunk)]))
  const sourceRows = join(directory, 'source-rows.json')
  await writeFile(sourceRows, JSON.stringify(rows))
  return { script: join(directory, `${script}.js`), sourceRows }
}

/** Only what comes from the domain and the workers, and only where another row begins. */
const rowsOf = ({ map, code }: OutputChunk): Record<number, SourceRow[]> => {
  const rows: Record<number, SourceRow[]> = {}
  if (!map) return rows
  const found = new SourceMap(map as unknown as SourceMapPayload)
  for (const [line, text] of code.split('\n').entries()) {
    const mine: SourceRow[] = []
    for (let column = 0; column < text.length; column += 1) {
      const entry = found.findEntry(line, column)
      if (!('originalLine' in entry) || entry.generatedLine !== line) continue
      const [, file] = /\/src\/((?:domain|workers)\/.*\.ts)$/.exec(entry.originalSource) ?? []
      const last = mine.at(-1)
      if (file === undefined || (last?.[1] === file && last[2] === entry.originalLine + 1)) continue
      mine.push([column, file, entry.originalLine + 1])
    }
    if (mine.length > 0) rows[line + 1] = mine
  }
  return rows
}
