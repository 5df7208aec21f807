import { analyzePythonFile, type FileFacts } from './analyze-file.ts'
import { createPythonAnalyzer } from './python.ts'
import { registerLanguages } from './syntax-tree.ts'

/** What the parent sends: one file at a time. */
export interface FileTask {
  readonly path: string
  readonly content: Uint8Array
  readonly mustParse: boolean
}

/** What it gets: `ready` once, then one answer a file. */
export type ChildMessage =
  | { readonly kind: 'ready' }
  | { readonly kind: 'analyzed'; readonly facts: FileFacts }
  | { readonly kind: 'failed'; readonly message: string }

registerLanguages()
const analyzer = createPythonAnalyzer()
const send = (message: ChildMessage) => process.send?.(message)

process.on('message', ({ path, content, mustParse }: FileTask) => {
  try {
    send({ kind: 'analyzed', facts: analyzePythonFile(analyzer, path, Buffer.from(content), mustParse) })
  } catch (error) {
    send({ kind: 'failed', message: error instanceof Error ? error.message : String(error) })
  }
})
// The parent has gone: there is nobody left to answer.
process.on('disconnect', () => process.exit(0))
send({ kind: 'ready' })
