import { createCodeAnalyzer } from '../../src/adapters/analyzer/pool.ts'
import { type BlobAnalyzer, evaluateChange, type SafetyReport } from '../../src/domain/safety/evaluate-change.ts'

/** A file before and after a change, as text. */
export interface Edit {
  readonly before?: string
  readonly after?: string
  readonly previousPath?: string
}

export interface Evaluator extends AsyncDisposable {
  evaluate(
    files: Readonly<Record<string, Edit>>,
    trees?: { readonly baseTree: string; readonly resultTree: string },
  ): Promise<SafetyReport>
}

/** Evaluates changes that no repository has: contents stand for their own object ids. */
export function createEvaluator(): Evaluator {
  const analyzer = createCodeAnalyzer()
  const blobs: BlobAnalyzer = {
    version: analyzer.version,
    analyze: (named) => analyzer.analyze(named.map(({ path, objectId }) => ({ path, content: Buffer.from(objectId) }))),
  }
  return {
    evaluate(files, trees = { baseTree: 'base', resultTree: 'result' }) {
      const edits = Object.entries(files).map(([path, { before, after, previousPath }]) => ({
        path,
        previousPath: previousPath ?? null,
        before: before ?? null,
        after: after ?? null,
      }))
      return evaluateChange(blobs, { ...trees, files: edits })
    },
    [Symbol.asyncDispose]: () => analyzer[Symbol.asyncDispose](),
  }
}
