import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { createFileAnalyzer } from '../src/adapters/analyzer/analyze-file.ts'
import { createCodeAnalyzer } from '../src/adapters/analyzer/pool.ts'
import { createPythonSyntaxCheck } from '../src/adapters/analyzer/python-syntax.ts'
import { defaultLimits } from '../src/adapters/sandbox/default-limits.ts'
import { readConfig } from '../src/config.ts'
import { authenticate } from '../src/domain/actor/authenticate.ts'
import { createProject } from '../src/domain/project/create-project.ts'
import { type EvaluatedChange, evaluateTrees, storeEvaluation } from '../src/domain/safety/evaluate-trees.ts'
import { rows } from '../src/domain/shared/database.ts'
import type { Services } from '../src/domain/shared/services.ts'
import { transact } from '../src/domain/shared/transact.ts'
import { start } from '../src/start.ts'

/**
 * From a patch of ten lines to its safety report, in a large repository: applied, evaluated, looked up. Beside it the
 * bare analysis of the one file that the patch touches, in the same process.
 * Usage: node bench/report.ts [--files 50000] [--rounds 20] [--json]
 */
const { values } = parseArgs({
  options: {
    files: { type: 'string', default: '50000' },
    rounds: { type: 'string', default: '20' },
    json: { type: 'boolean', default: false },
  },
})
const files = Number(values.files)
const rounds = Number(values.rounds)
const author = { name: 'Bench', email: 'bench@localhost', at: new Date('2026-01-01T00:00:00Z') }

/** A file of some 300 lines of ordinary Python. */
const functions = (index: number, from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, offset) => {
    const name = `work_${index}_${from + offset}`
    return `def ${name}(path, count=${offset}):\n    total = 0\n    for item in sorted(os.listdir(path)):\n        total += len(item) * count\n    return total\n\n`
  })
const pathOf = (index: number) => `src/package_${Math.floor(index / 100)}/module_${index}.py`
const contentOf = (index: number) => `import os\n\n\n${functions(index, 0, 50).join('')}`

function* everyFile() {
  for (let index = 0; index < files; index++) {
    yield { path: pathOf(index), mode: '100644' as const, content: Buffer.from(contentOf(index)) }
  }
}

/** Puts ten lines behind the imports of one file. */
const patchOf = (index: number, round: number): string => {
  const path = pathOf(index)
  const added = Array.from({ length: 10 }, (_, line) => `+LIMIT_${line} = ${round * 10 + line}\n`).join('')
  return `--- a/${path}\n+++ b/${path}\n@@ -1,3 +1,13 @@\n import os\n${added} \n \n`
}

const median = (numbers: readonly number[]): number =>
  [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN

async function timed(work: () => Promise<unknown> | unknown): Promise<number> {
  const begun = performance.now()
  await work()
  return performance.now() - begun
}

/** As the server makes it, but with processes of its own. */
async function freshAnalyzer({ sandbox }: Services) {
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

const directory = mkdtempSync(join(tmpdir(), 'countersign-bench-'))
const config = readConfig({ PATH: process.env.PATH, PORT: '0', DATA_DIR: directory, LOG_LEVEL: 'fatal' })
const running = await start(config, { api: true, pools: { maintenance: 1 }, rehearsal: true, migrate: true })
try {
  const { services } = running.context
  const viewer = await authenticate(services, running.adminToken)
  if (!viewer) throw new Error('The administrator is not known.')
  const projectId = await createProject(services, viewer, { name: 'bench', source: { empty: true } })
  for (let status = ''; status !== 'READY'; await new Promise((resolve) => setTimeout(resolve, 50))) {
    const project = await rows(services.em())
      .selectFrom('Project')
      .select('status')
      .where('id', '=', projectId)
      .execute()
    status = project[0]?.status ?? ''
  }
  const { git } = services
  const draft = git.newDraft()
  await git.create(draft, { objectFormat: 'SHA1', branch: 'main' })
  const head = await git.importFiles(draft, everyFile(), { branch: 'main', message: 'Begin', author })
  rmSync(git.directory(projectId), { recursive: true })
  await git.publish(draft, projectId)
  const baseTree = await git.treeOf(projectId, head)

  const report = async (using: Services, index: number, round: number) => {
    const { tree } = await git.applyPatch(projectId, baseTree, patchOf(index, round))
    return evaluateTrees(using, projectId, baseTree, tree)
  }
  const analyze = createFileAnalyzer()
  const bare = (index: number, round: number) =>
    analyze({
      path: pathOf(index),
      content: Buffer.from(contentOf(index).replace('\n', `\nLIMIT = ${round}\n`)),
      language: 'PYTHON',
      inert: false,
      mustParse: false,
    })

  const warm = await freshAnalyzer(services)
  const withWarm = { ...services, analyzer: warm }
  const times: Record<string, number[]> = {}
  const note = async (name: string, work: () => Promise<unknown> | unknown) => {
    times[name] ??= []
    times[name].push(await timed(work))
  }
  for (let round = -3; round < rounds; round++) {
    const isWarmUp = round < 0
    const index = ((round + 3) * 37) % files
    const cold = await freshAnalyzer(services)
    await note('cold: processes are started, nothing is kept', () =>
      report({ ...services, analyzer: cold }, index, round * 4),
    )
    await cold[Symbol.asyncDispose]()
    let seen: EvaluatedChange | undefined
    await note('warm: nothing is kept of the file', async () => {
      seen = await report(withWarm, (index + 1) % files, round * 4)
    })
    await transact(services, async (tx) => seen && storeEvaluation(tx, projectId, seen))
    await note('warm: the file was seen before', () => report(withWarm, (index + 1) % files, round * 4 + 1))
    await note('applying the patch alone', () => git.applyPatch(projectId, baseTree, patchOf(index, round * 4 + 2)))
    await note('the bare analysis of the file', () => bare(index, round * 4 + 3))
    if (isWarmUp) for (const name of Object.keys(times)) times[name] = []
  }
  await warm[Symbol.asyncDispose]()

  const medians = Object.fromEntries(Object.entries(times).map(([name, taken]) => [name, median(taken)]))
  if (values.json) console.log(JSON.stringify({ files, rounds, medians }))
  else {
    console.log(`${files} files, ${contentOf(0).split('\n').length} lines each; medians of ${rounds} rounds`)
    for (const [name, ms] of Object.entries(medians)) console.log(`${name.padEnd(48)} ${ms.toFixed(1).padStart(8)} ms`)
  }
} finally {
  await running.close()
  rmSync(directory, { recursive: true, force: true })
}
