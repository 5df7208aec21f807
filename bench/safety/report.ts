import { createFileAnalyzer } from '../../src/adapters/analyzer/analyze-file.ts'
import { createCodeAnalyzer } from '../../src/adapters/analyzer/pool.ts'
import { createPythonSyntaxCheck } from '../../src/adapters/analyzer/python-syntax.ts'
import { defaultLimits } from '../../src/adapters/sandbox/default-limits.ts'
import type { CodeAnalyzer } from '../../src/domain/ports/code-analyzer.ts'
import { type EvaluatedChange, evaluateTrees, storeEvaluation } from '../../src/domain/safety/evaluate-trees.ts'
import type { Services } from '../../src/domain/shared/services.ts'
import { transact } from '../../src/domain/shared/transact.ts'
import type { BenchContext, Comparison } from '../harness/benchmark.ts'
import { makeProject, startLocalProduct } from '../harness/local-product.ts'
import { type Arm, paired, timed } from '../harness/paired.ts'
import { contentOf, everyFile, patchOf, pathOf } from './sources.ts'

const fullFiles = 50_000
const smallFiles = 80

/** As the server makes it, but with processes of its own. */
const freshAnalyzer = async ({ sandbox }: Services): Promise<CodeAnalyzer> => {
  const syntaxCheck = await createPythonSyntaxCheck((script, stdin) =>
    sandbox.run({
      argv: ['python3', '-I', '-S', '-c', script],
      workspace: { base: null, changes: [] },
      limits: { ...defaultLimits.standard, wallMs: 20_000 },
      stdin,
    }),
  )
  return createCodeAnalyzer({ syntaxCheck })
}

const asPython = { language: 'PYTHON', inert: false, mustParse: false } as const

/** The bare analysis, in this process, of files that Python is known to accept. */
const analyzerHere = (version: string, analyze: ReturnType<typeof createFileAnalyzer>): CodeAnalyzer => ({
  version,
  analyze: async (files) =>
    files.map(({ path, content }) => {
      const { uses, findings, credentials } = analyze({ ...asPython, path, content })
      return { path, language: 'PYTHON', inert: false, uses, syntaxFaults: [], findings, credentials }
    }),
  async [Symbol.asyncDispose]() {},
})

/** From a patch of ten lines to its safety report, in a large repository: applied, evaluated, looked up. */
export const compareReports = async (context: BenchContext): Promise<readonly Comparison[]> => {
  const files = context.isSmall ? smallFiles : fullFiles
  await using product = await startLocalProduct(context)
  const { services } = product
  const { git } = services
  context.say(`a repository of ${files} files`)
  const { projectId, head } = await makeProject(product, 'bench', everyFile(files))
  const baseTree = await git.treeOf(projectId, head)

  // No two patches give the same content.
  let step = 0
  const apply = async (index: number) => {
    step += 1
    return (await git.applyPatch(projectId, baseTree, patchOf(index, step))).tree
  }
  const report = async (using: Services, index: number): Promise<EvaluatedChange> =>
    evaluateTrees(using, projectId, baseTree, await apply(index))
  // Of a file that no sample of one that was never seen is about.
  const comparedFile = 1
  const equalReport = async (using: Services) => {
    const { tree } = await git.applyPatch(projectId, baseTree, patchOf(comparedFile, 0))
    const { safety } = await evaluateTrees(using, projectId, baseTree, tree)
    return { safe: safety.safe, hash: safety.reportHash }
  }
  const fileOf = (round: number, offset: number) => (((round + 10) * 37) % (files >> 1)) * 2 + offset

  await using warm = await freshAnalyzer(services)
  const withWarm = { ...services, analyzer: warm }
  const withCold = async <Result>(work: (using: Services) => Promise<Result>) => {
    await using analyzer = await freshAnalyzer(services)
    return await work({ ...services, analyzer })
  }
  const analyzed = { unseen: 0, seen: 0 }
  const unseen: Arm = {
    output: () => equalReport(withWarm),
    sample: (round) =>
      timed(async () => {
        analyzed.unseen = (await report(withWarm, fileOf(round, 0))).analyses.length
      }),
  }
  /** What was in the file before is known from then on. */
  const see = async (index: number) => {
    const before = await report(withWarm, index)
    await transact(services, (tx) => storeEvaluation(tx, projectId, before))
  }
  const seen: Arm = {
    async output() {
      await see(comparedFile)
      return await equalReport(withWarm)
    },
    async sample(round) {
      const index = fileOf(round, 1)
      await see(index)
      return await timed(async () => {
        analyzed.seen = (await report(withWarm, index)).analyses.length
      })
    },
  }
  const cold: Arm = {
    output: () => withCold(equalReport),
    async sample(round) {
      let took = 0
      await withCold(async (using) => {
        took = await timed(() => report(using, fileOf(round, 0)))
      })
      return took
    },
  }
  const analyze = createFileAnalyzer()
  const bare: Arm = {
    output: () => equalReport({ ...services, analyzer: analyzerHere(warm.version, analyze) }),
    sample: (round) => {
      const index = fileOf(round, 0)
      const content = Buffer.from(contentOf(index).replace('\n', `\nLIMIT = ${round}\n`))
      return timed(() => analyze({ ...asPython, path: pathOf(index), content }))
    },
  }
  // The one that has seen the file comes last: the others all analyse both of its contents.
  const arms = { unseen, cold, bare, seen }
  const { samples, compared } = await paired(context, { rounds: 20, warmUp: 3, arms })
  const shared = {
    reference: 'the bare analysis of the one file that it touches, in this process',
    unit: 'ms',
    compared,
  } as const
  const what = `report on a 10-line diff in ${files.toLocaleString('en-GB')} files`
  return [
    {
      ...shared,
      name: `${what}, file never seen before`,
      samples: { ours: samples.unseen, reference: samples.bare },
      goal: { valueAtMost: 50 },
      counts: { 'contents analysed': analyzed.unseen },
    },
    {
      ...shared,
      name: `${what}, file seen before`,
      samples: { ours: samples.seen, reference: samples.bare },
      goal: { valueAtMost: 50 },
      counts: { 'contents analysed': analyzed.seen },
    },
    {
      ...shared,
      name: `${what}, right after a start`,
      samples: { ours: samples.cold, reference: samples.bare },
      goal: null,
      note: 'The processes that analyse are started by it.',
    },
  ]
}
