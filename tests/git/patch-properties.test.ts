import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { PatchRejectedError } from '../../src/domain/errors.ts'
import { isLong } from '../support/long.ts'
import {
  type CorpusCommit,
  changedTree,
  createRandom,
  gitPatches,
  givenSeed,
  type Random,
  randomTree,
  type Tree,
  treeByGit,
  writeCommits,
} from './patch-corpus.ts'
import { openStore, type Project, type StoreFixture } from './store-fixture.ts'

const pairCount = isLong ? 2000 : 30
const mutationCount = isLong ? 1000 : 80
const historyLength = isLong ? 500 : 40
const pairsAtOnce = isLong ? 100 : pairCount
const longTimeout = 900_000

let fixture: StoreFixture

beforeAll(async () => {
  fixture = await openStore()
})
afterAll(async () => {
  expect(await fixture.leftovers()).toEqual([])
  await fixture[Symbol.asyncDispose]()
})

interface Form {
  readonly options: readonly string[]
  readonly configuration?: readonly string[]
  readonly strip: 0 | 1
  /** Without their content, binary files cannot be applied. */
  readonly hasBinary: boolean
  readonly context: number
}

/** How one might ask git for a patch, at random. */
function randomForm(random: Random, hasBinary: boolean, context: number, moves: boolean): Form {
  const prefix = random.pick([
    { options: [], strip: 1 },
    { options: ['--no-prefix'], strip: 0 },
    { options: ['--src-prefix=i/', '--dst-prefix=w/'], strip: 1 },
    { options: ['--src-prefix=c/', '--dst-prefix=i/'], strip: 1 },
    { options: ['--src-prefix=w/', '--dst-prefix=c/'], strip: 1 },
    { options: ['--src-prefix=b/', '--dst-prefix=a/'], strip: 1 },
    { options: ['--src-prefix=1/', '--dst-prefix=2/'], strip: 1 },
  ] as const)
  return {
    options: [
      ...(hasBinary ? ['--binary'] : ['--full-index']),
      ...(moves ? ['-M', '-C', '--find-copies-harder'] : ['--no-renames']),
      `-U${context}`,
      ...prefix.options,
    ],
    configuration: [`core.quotePath=${random.oneIn(2)}`],
    strip: prefix.strip,
    hasBinary,
    context,
  }
}

/** Named after what a reader needs to see it again. */
function scene(seed: number, form: Form, patch: string): string {
  return `COUNTERSIGN_PATCH_SEED=${seed} git diff ${form.options.join(' ')}\n${patch}`
}

test(
  `${pairCount} random pairs of trees: git's patch from one leads to the other, however it is written`,
  async () => {
    const random = createRandom(givenSeed)
    const seen = { applied: 0, refused: 0 }
    for (let done = 0; done < pairCount; done += pairsAtOnce) {
      const commits: CorpusCommit[] = []
      let tree: Tree = randomTree(random)
      for (let index = 0; index <= pairsAtOnce; index++) {
        commits.push({ tree, parents: [] })
        tree = random.oneIn(5) ? randomTree(random) : changedTree(random, tree)
      }
      const { project, trees } = await writeCommits(fixture, commits, random.oneIn(5) ? 'SHA256' : 'SHA1')
      const pairs = trees.slice(1).map((to, index) => [trees[index] ?? '', to] as const)
      const forms = [
        { options: [], strip: 1, hasBinary: false, context: 3 } as const,
        randomForm(random, false, 3, false),
        randomForm(random, true, 3, true),
        randomForm(random, true, random.below(11), true),
        randomForm(random, true, 0, random.oneIn(2)),
      ]
      for (const form of forms) {
        const patches = gitPatches(fixture, project, pairs, form.options, form.configuration)
        await Promise.all(
          [0, 1, 2].map(async (start) => {
            for (let index = start; index < pairs.length; index += 3) {
              const [from, to] = pairs[index] ?? ['', '']
              const patch = patches[index]?.toString() ?? ''
              if (from === to) continue
              const outcome = await applied(project, from, patch)
              if (outcome instanceof PatchRejectedError) {
                const isExcused = form.context === 0 || (!form.hasBinary && /^Binary files .* differ$/m.test(patch))
                expect(isExcused, `${outcome.message}\n${outcome.details}\n${scene(givenSeed, form, patch)}`).toBe(true)
                seen.refused++
              } else {
                expect(outcome, scene(givenSeed, form, patch)).toBe(to)
                seen.applied++
              }
            }
          }),
        )
      }
      expect((await project.git('fsck', '--strict', '--no-dangling')).trim()).toBe('')
    }
    expect(seen.applied).toBeGreaterThan(pairCount * 3)
    expect(seen.refused).toBeGreaterThan(0)
  },
  longTimeout,
)

/** The tree, or why there is none. */
async function applied(project: Project, tree: string, patch: string): Promise<string | PatchRejectedError> {
  try {
    return (await fixture.store.applyPatch(project.id, tree, patch)).tree
  } catch (error) {
    if (error instanceof PatchRejectedError) return error
    throw error
  }
}

test(
  `${mutationCount} damaged patches: each is refused and leaves nothing, or does what git apply does`,
  async () => {
    const random = createRandom(givenSeed + 1)
    const commits: CorpusCommit[] = []
    let tree: Tree = randomTree(random)
    for (let index = 0; index <= 60; index++) {
      commits.push({ tree, parents: [] })
      tree = changedTree(random, tree)
    }
    const { project, trees } = await writeCommits(fixture, commits)
    const pairs = trees
      .slice(1)
      .map((to, index) => [trees[index] ?? '', to] as const)
      .filter(([from, to]) => from !== to)
    const forms = [
      randomForm(random, true, 3, true),
      randomForm(random, true, 1, true),
      randomForm(random, true, 3, false),
    ]
    const patches = forms.map((form) => gitPatches(fixture, project, pairs, form.options, form.configuration))
    const refs = await project.refs()
    const seen = { applied: 0, refused: 0 }
    for (let done = 0; done < mutationCount; done++) {
      const index = random.below(pairs.length)
      const formIndex = random.below(forms.length)
      const form = forms[formIndex] as Form
      const patch = damaged(random, patches[formIndex]?.[index]?.toString() ?? '')
      const base = pairs[index]?.[0] ?? ''
      const before = objectFiles(project)
      const outcome = await applied(project, base, patch)
      const told = scene(givenSeed, form, patch)
      if (outcome instanceof PatchRejectedError) {
        seen.refused++
        expect(objectFiles(project), told).toEqual(before)
        expect(await fixture.leftovers()).toEqual([])
      } else {
        seen.applied++
        // Of a text whose end was cut git refuses the last hunk, or drops the last binary file; we put the end back.
        const whole = `${patch}${patch.endsWith('\n') ? '' : '\n'}\n`
        const byGit = await treeByGit(fixture, project, base, whole, form.strip)
        // Of two prefixes that have become the same nobody can tell that they are any: the names are read as they stand.
        const isBare = outcome !== byGit && form.strip === 1 && samePrefixes.test(patch)
        expect(outcome, told).toBe(isBare ? await treeByGit(fixture, project, base, whole, 0) : byGit)
      }
    }
    expect(await project.refs()).toEqual(refs)
    expect((await project.git('fsck', '--strict', '--no-dangling')).trim()).toBe('')
    expect(Math.min(seen.applied, seen.refused)).toBeGreaterThan(mutationCount / 20)
  },
  longTimeout,
)

/** A header whose two names begin with the same directory, as damage can make of `1/name 2/name`. */
const samePrefixes = /^diff --git "?([^/\n"]+)\/[^\n]* "?\1\//m

const bytes = [
  '\n',
  '\r',
  '\t',
  ' ',
  '+',
  '-',
  '@',
  '/',
  '.',
  '"',
  '\\',
  '0',
  '1',
  '2',
  '9',
  ',',
  'a',
  'b',
  'x',
  'é',
  '~',
]

/** One to three bytes or lines changed, added or taken away. */
function damaged(random: Random, patch: string): string {
  let text = patch
  for (let count = random.below(3); count >= 0; count--) {
    const at = random.below(text.length)
    const kind = random.below(8)
    if (kind < 3) text = text.slice(0, at) + random.pick(bytes) + text.slice(at + 1)
    else if (kind === 3) text = text.slice(0, at) + random.pick(bytes) + text.slice(at)
    else if (kind === 4) text = text.slice(0, at) + text.slice(at + 1)
    else {
      const lines = text.split('\n')
      const line = random.below(lines.length)
      if (kind === 5) lines.splice(line, 1)
      else if (kind === 6) lines.splice(line, 0, lines[random.below(lines.length)] ?? '')
      else lines[line] = (lines[line] ?? '').replace(/\d+/, () => String(random.below(30)))
      text = lines.join('\n')
    }
  }
  return text
}

function objectFiles(project: Project): string[] {
  const objects = join(fixture.store.directory(project.id), 'objects')
  return readdirSync(objects, { recursive: true, encoding: 'utf8' })
    .filter((path) => /\/[^/]{30,}/.test(path))
    .toSorted()
}

test(
  `a history of ${historyLength} commits, its first parents' changes applied one by one, ends at the same tree`,
  async () => {
    const random = createRandom(givenSeed + 2)
    const commits: CorpusCommit[] = [{ tree: randomTree(random), parents: [] }]
    const line = [0]
    while (commits.length < historyLength) {
      const head = line.at(-1) ?? 0
      const tree = commits[head]?.tree ?? new Map()
      if (random.oneIn(6)) {
        // A branch of two commits that is merged: the first parent's side with the other's new files.
        const side = changedTree(random, tree)
        commits.push({ tree: side, parents: [head] })
        const further = changedTree(random, side)
        commits.push({ tree: further, parents: [commits.length - 1] })
        commits.push({ tree: further, parents: [head, commits.length - 1] })
      } else commits.push({ tree: changedTree(random, tree), parents: [head] })
      line.push(commits.length - 1)
    }
    const { project, trees } = await writeCommits(fixture, commits)
    const steps = line.slice(1).map((to, index) => [trees[line[index] ?? 0] ?? '', trees[to] ?? ''] as const)
    const patches = gitPatches(fixture, project, steps, ['--binary', '-M', '-C'])
    let tree = trees[0] ?? ''
    for (const [index, [from, to]] of steps.entries()) {
      const patch = patches[index]?.toString() ?? ''
      if (from !== to) tree = (await fixture.store.applyPatch(project.id, tree, patch)).tree
      expect(tree, `COUNTERSIGN_PATCH_SEED=${givenSeed}, commit ${index}\n${patch}`).toBe(to)
    }
    expect(tree).toBe(trees[line.at(-1) ?? 0])
    expect((await project.git('fsck', '--strict', '--no-dangling')).trim()).toBe('')
  },
  longTimeout,
)
