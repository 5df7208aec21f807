import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createCodeAnalyzer } from '../../src/adapters/analyzer/pool.ts'
import { createPythonSyntaxCheck } from '../../src/adapters/analyzer/python-syntax.ts'
import { defaultLimits } from '../../src/adapters/sandbox/default-limits.ts'
import { authenticate } from '../../src/domain/actor/authenticate.ts'
import { previewDiff } from '../../src/domain/diff/preview-diff.ts'
import { proposeDiff } from '../../src/domain/diff/propose-diff.ts'
import { SyntaxRejectedError } from '../../src/domain/errors.ts'
import type { CodeAnalyzer } from '../../src/domain/ports/code-analyzer.ts'
import { forgetOldAnalyses, keepAnalyses } from '../../src/domain/safety/analyze-blobs.ts'
import { evaluateTrees, storeEvaluation } from '../../src/domain/safety/evaluate-trees.ts'
import type { Services } from '../../src/domain/shared/services.ts'
import { transact } from '../../src/domain/shared/transact.ts'
import { sqlOf } from '../factories/gate.ts'
import { addsFile, readyProject, rowId } from '../factories/pipeline.ts'
import { countQueries } from '../support/count-queries.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

/** A server's services with an analyzer that says what it was asked, and how often the sandbox was. */
interface Watched extends AsyncDisposable {
  readonly services: Services
  /** The paths of each call. */
  readonly asked: (readonly string[])[]
  sandboxRuns: number
}

async function watch(server: TestServer, version?: string): Promise<Watched> {
  const { services } = server.context
  const watched = { asked: [] as (readonly string[])[], sandboxRuns: 0 }
  const syntaxCheck = await createPythonSyntaxCheck((script, stdin) => {
    watched.sandboxRuns += 1
    return services.sandbox.run({
      argv: ['python3', '-I', '-S', '-c', script],
      workspace: { base: null, changes: [] },
      limits: defaultLimits.standard,
      stdin,
    })
  })
  watched.sandboxRuns = 0
  const analyzer = createCodeAnalyzer({ syntaxCheck })
  const watching: CodeAnalyzer = {
    version: version ?? analyzer.version,
    analyze(files) {
      watched.asked.push(files.map(({ path }) => path))
      return analyzer.analyze(files)
    },
    [Symbol.asyncDispose]: () => analyzer[Symbol.asyncDispose](),
  }
  return Object.assign(watched, {
    services: { ...services, analyzer: watching },
    [Symbol.asyncDispose]: () => analyzer[Symbol.asyncDispose](),
  })
}

let server: TestServer
let projectId: string
let watched: Watched
beforeAll(async () => {
  server = await startTestServer({ rehearsal: false })
})
afterAll(() => server[Symbol.asyncDispose]())
beforeEach(async () => {
  projectId = rowId(await readyProject(server))
  watched = await watch(server)
})
afterEach(() => watched[Symbol.asyncDispose]())

const viewer = async () => {
  const found = await authenticate(server.context.services, server.token)
  if (!found) throw new Error('The administrator has no token.')
  return found
}

const input = (content: string) => ({ projectId, content, commitMessage: 'Add files' })
const preview = async (content: string) => previewDiff(watched.services, await viewer(), input(content))
const propose = async (content: string) => proposeDiff(watched.services, await viewer(), input(content))

/** A tree with these files alone. */
const treeOf = async (files: Readonly<Record<string, string>>): Promise<string> => {
  const { git } = watched.services
  const head = await git.branchHead(projectId, 'main')
  const empty = await git.treeOf(projectId, head ?? '')
  const changes = Object.entries(files).map(([path, content]) => ({ path, content: Buffer.from(content) }))
  return git.changeTree(projectId, empty, changes)
}
const evaluateWith = async (services: Services, ...[before, after]: readonly [base: string, result: string]) => {
  const change = await evaluateTrees(services, projectId, before, after)
  await transact(services, (tx) => storeEvaluation(tx, projectId, change))
  return change
}
const evaluate = async (before: Readonly<Record<string, string>>, after: Readonly<Record<string, string>>) =>
  evaluateWith(watched.services, await treeOf(before), await treeOf(after))

const python = 'import os\nos.system("ls")\n'

describe('a report that is stored', () => {
  const patch = addsFile('a.py', ['import os', 'os.system("ls")'])

  it('is found before anything is analysed or any sandbox is started', async () => {
    await propose(patch)
    expect([watched.asked, watched.sandboxRuns]).toEqual([[['a.py']], 1])
    const shown = await preview(patch)
    await propose(patch)
    expect([watched.asked, watched.sandboxRuns]).toEqual([[['a.py']], 1])
    expect(shown.safety.added.map(({ symbol, line }) => `${symbol}:${line}`)).toEqual(['os.system:2'])
    expect(shown.safetyId).not.toBeNull()
  })

  it('of a preview or a refusal leaves nothing, and is what the proposal then gets', async () => {
    const { safety } = await preview(patch)
    await expect(propose(addsFile('b.py', ['x = (']))).rejects.toThrow(SyntaxRejectedError)
    expect(await sqlOf(server, 'select 1 from blob_analysis where project_id = $1', [projectId])).toEqual([])
    await propose(patch)
    expect(watched.asked).toEqual([['a.py'], ['b.py'], ['a.py']])
    const [stored] = await sqlOf(server, 'select evaluation_hash from safety_evaluation where project_id = $1', [
      projectId,
    ])
    expect(stored?.evaluation_hash).toBe(safety.evaluationHash)
  })

  it('is not believed when it was changed in the database, and is put right', async () => {
    await propose(patch)
    const { safety } = await preview(patch)
    await sqlOf(
      server,
      `update safety_evaluation set report = jsonb_set(report, '{added}', '[]') where project_id = $1`,
      [projectId],
    )
    expect((await preview(patch)).safety).toEqual(safety)
    await propose(patch)
    const stored = await sqlOf(server, 'select report from safety_evaluation where project_id = $1', [projectId])
    expect(stored).toEqual([{ report: safety }])
  })
})

describe('a content that was analysed', () => {
  it('is not analysed again in another change of the same project', async () => {
    await evaluate({}, { 'a.py': python, 'b.py': 'x = 1\n' })
    watched.asked.length = 0
    const { safety } = await evaluate({ 'a.py': python, 'b.py': 'x = 1\n' }, { 'a.py': python, 'b.py': 'x = 2\n' })
    expect(watched.asked).toEqual([['b.py']])
    expect(safety.safe).toBe(true)
  })

  it('is reported under the path that it has now', async () => {
    await evaluate({}, { 'one/a.py': `${python}x = (\n`, 'keep.txt': 'x\n' })
    watched.asked.length = 0
    const { safety } = await evaluate({}, { 'two/a.py': `${python}x = (\n` })
    expect(watched.asked).toEqual([])
    expect(safety.added.map(({ path }) => path)).toEqual(['two/a.py'])
    expect(safety.issues.map(({ path }) => path)).toEqual(['two/a.py'])
    expect(JSON.stringify(safety)).not.toContain('one/')
  })

  it.each([
    ['a.txt', 'a.py'],
    ['a.md', '.github/a.md'],
  ])('as %s is analysed anew as %s', async (first, second) => {
    await evaluate({}, { [first]: python, 'keep.txt': 'x\n' })
    watched.asked.length = 0
    await evaluate({}, { [second]: python })
    expect(watched.asked).toEqual([[second]])
  })

  it('of another project is not looked at', async () => {
    await evaluate({}, { 'a.py': python })
    projectId = rowId(await readyProject(server))
    await evaluate({}, { 'a.py': python })
    expect(watched.asked).toEqual([['a.py'], ['a.py']])
  })

  it('by another analyzer is analysed anew, and what no analyzer asks for can be removed', async () => {
    await evaluate({}, { 'a.py': python })
    await using other = await watch(server, 'another analyzer')
    await evaluateWith(other.services, await treeOf({}), await treeOf({ 'a.py': python }))
    expect(other.asked).toEqual([['a.py']])
    expect(await forgetOldAnalyses(other.services, projectId)).toBe(1)
    expect(await forgetOldAnalyses(other.services, projectId)).toBe(0)
    const kept = await sqlOf(server, 'select analyzer_version from blob_analysis where project_id = $1', [projectId])
    expect(kept).toEqual([{ analyzer_version: 'another analyzer' }])
  })

  it('whose analysis failed is tried again', async () => {
    const { services } = watched
    const failing: CodeAnalyzer = {
      ...services.analyzer,
      async analyze(files) {
        const analyses = await services.analyzer.analyze(files)
        const finding = { code: 'ANALYSIS_FAILED', message: 'It was killed.', path: 'a.py', line: null }
        return analyses.map((analysis) => ({ ...analysis, findings: [finding] }))
      },
    }
    const trees = [await treeOf({}), await treeOf({ 'a.py': python })] as const
    const first = await evaluateTrees({ ...services, analyzer: failing }, projectId, ...trees)
    await transact(services, (tx) => keepAnalyses(tx, projectId, services.analyzer.version, first.analyses))
    expect(first.safety.warnings.map(({ code }) => code)).toEqual(['ANALYSIS_FAILED'])
    expect((await evaluateTrees(services, projectId, ...trees)).safety.warnings).toEqual([])
  })

  it('is found by one query for all files of a change', async () => {
    const files = Object.fromEntries(Array.from({ length: 200 }, (_, index) => [`${index}.py`, `x = ${index}\n`]))
    await evaluate({}, files)
    watched.asked.length = 0
    const trees = [await treeOf({}), await treeOf({ ...files, 'new.txt': 'x\n' })] as const
    const { statements } = await countQueries(() => evaluateTrees(watched.services, projectId, ...trees))
    expect(watched.asked).toEqual([['new.txt']])
    expect(statements.filter((text) => /^select.*blob_analysis/is.test(text))).toHaveLength(1)
    expect(statements.length).toBeLessThanOrEqual(3)
  })

  it('costs the sandbox once for many files, and never without Python', async () => {
    await evaluate({}, Object.fromEntries(Array.from({ length: 40 }, (_, index) => [`${index}.py`, `x = ${index}\n`])))
    expect(watched.sandboxRuns).toBe(1)
    await evaluate({}, { 'a.js': 'x = 1\n', 'b.sh': 'ls\n', 'c.md': 'x\n', 'd.bin': '\0' })
    expect(watched.sandboxRuns).toBe(1)
    await evaluate({}, { 'a.pyi': 'x: int\n', 'b.pyw': 'x = 3\n', tool: '#!/usr/bin/env python3\nx = 4\n' })
    expect(watched.sandboxRuns).toBe(2)
  })

  it('may compute names that no database can store', async () => {
    const { safety } = await propose(addsFile('a.py', ['import os', "getattr(os, 'exec\\0\\ud800')()"])).then(() =>
      preview(addsFile('a.py', ['import os', "getattr(os, 'exec\\0\\ud800')()"])),
    )
    expect(safety.added.map(({ capability }) => capability)).toEqual(['SUBPROCESS'])
  })
})
