import { flushCompileCache } from 'node:module'
import { createFileAnalyzer, type FileFacts, type FileTask } from './analyze-file.ts'

/** What the parent gets: `ready` once, then one answer a file. */
export type ChildMessage =
  | { readonly kind: 'ready' }
  | { readonly kind: 'analyzed'; readonly facts: FileFacts }
  | { readonly kind: 'failed'; readonly message: string }

const analyze = createFileAnalyzer()
const send = (message: ChildMessage) => process.send?.(message)

process.on('message', (task: FileTask) => {
  try {
    send({ kind: 'analyzed', facts: analyze(task) })
  } catch (error) {
    // Its name alone: the message may quote the file.
    const name = error instanceof Error ? error.name : typeof error
    send({
      kind: 'failed',
      message: error instanceof RangeError ? 'it is nested too deeply, or too large' : `${name} in the analysis`,
    })
  }
})
// The parent has gone: there is nobody left to answer.
process.on('disconnect', () => process.exit(0))
send({ kind: 'ready' })
// It ends by being killed, and so never comes to write at its end what it has compiled.
flushCompileCache()
