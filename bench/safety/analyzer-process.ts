import { readFileSync } from 'node:fs'
import { createPythonAnalyzer } from '../../src/adapters/analyzer/python.ts'
import { runChild } from '../harness/child.ts'
import { ownCpuMs } from '../harness/cpu.ts'

/** What the analysis of all files found. */
export interface Analyzed {
  /** CPU for analysing alone: not for reading, nor for starting. */
  readonly cpuMs: number
  readonly uses: number
}

/** The files are told afterwards: a command line has no room for so many. */
await runChild<null, null>(async () => {
  const analyzer = createPythonAnalyzer()
  let paths: readonly string[] = []
  let sources: readonly string[] = []
  return {
    ready: null,
    answers: {
      read: (given: readonly string[]) => {
        paths = given
        sources = given.map((path) => readFileSync(path, 'utf8').replace(/^\ufeff/, ''))
      },
      /** @param every each so-manieth file */
      analyze: (every: number): Analyzed => {
        let uses = 0
        const begun = ownCpuMs()
        for (let at = 0; at < sources.length; at += every)
          uses += analyzer.analyze(sources[at] ?? '', false).uses.length
        return { cpuMs: ownCpuMs() - begun, uses }
      },
      /** Those that have an error in the eyes of its parser. */
      refused: () => paths.filter((_, at) => analyzer.analyze(sources[at] ?? '', true).errors.length > 0),
    },
  }
})
