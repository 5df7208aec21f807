import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { GitStore } from '../../src/domain/ports/git-store.ts'
import { type Arm, timed } from '../harness/paired.ts'
import { author, type BareGit } from '../harness/repositories.ts'
import { patchOf } from './patches.ts'

export interface ArmsContext {
  readonly store: GitStore
  readonly git: BareGit
  readonly directory: string
  /** The project's name in the store, and its first commit. */
  readonly id: string
  readonly head: string
  readonly files: number
  readonly touched: number
}

/** What an arm does with a patch, and what it has then. */
interface Way {
  apply(patch: string): Promise<void>
  tree(): Promise<string>
}

/** Each arm goes on from its own last step, so that none finds what another one has written. */
const armOf = (name: string, { files, touched }: ArmsContext, way: Way): Arm => {
  let step = 'first'
  let count = 0
  const next = (to: string): string => {
    const patch = patchOf(files, touched, step, to)
    step = to
    return patch
  }
  return {
    async output() {
      await way.apply(next('second'))
      return await way.tree()
    },
    sample() {
      count += 1
      const patch = next(`${count} of ${name}`)
      return timed(() => way.apply(patch))
    },
  }
}

/** A patch becomes a tree: nothing is moved, and no commit is made. */
const engineApplies = async ({ store, id, head }: ArmsContext): Promise<Way> => {
  let tree = await store.treeOf(id, head)
  return {
    apply: async (patch) => {
      tree = (await store.applyPatch(id, tree, patch)).tree
    },
    tree: async () => tree,
  }
}

/** The whole path: from a patch to a commit on a branch. */
const engineCommits = ({ store, id, head: first }: ArmsContext): Way => {
  let head = first
  return {
    apply: async (patch) => {
      const { tree } = await store.applyPatch(id, await store.treeOf(id, head), patch)
      const commit = await store.writeCommit(id, { tree, parents: [head], message: 'Step', author, committer: author })
      if (!(await store.moveBranch(id, 'main', head, commit))) throw new Error('The branch was elsewhere.')
      head = commit
    },
    tree: () => store.treeOf(id, head),
  }
}

const clone = async ({ git, directory, store, id }: ArmsContext, name: string): Promise<string> => {
  const workTree = join(directory, name)
  await git(directory, ['clone', '-q', '--no-local', store.directory(id), workTree])
  return workTree
}

const gitApplies = async (context: ArmsContext, workTree: string): Promise<Way> => {
  const { git, directory } = context
  const index = join(directory, 'index')
  return {
    apply: async (patch) => {
      await git(workTree, ['apply', '-'], { stdin: patch })
    },
    // Through an index of its own: what is measured has none to look at.
    tree: async () => {
      await git(workTree, ['read-tree', 'HEAD'], { index })
      await git(workTree, ['add', '-A'], { index })
      const tree = await git(workTree, ['write-tree'], { index })
      await rm(index)
      return tree
    },
  }
}

const gitCommits = ({ git }: ArmsContext, workTree: string): Way => ({
  apply: async (patch) => {
    await git(workTree, ['apply', '--index', '-'], { stdin: patch })
    await git(workTree, ['commit', '-q', '-m', 'Step'])
  },
  tree: () => git(workTree, ['rev-parse', 'HEAD^{tree}']),
})

/** The four arms, and the two of ours as they stand, to count what one more patch starts. */
export const openArms = async (context: ArmsContext) => {
  const workTrees = [await clone(context, 'apply'), await clone(context, 'commit')] as const
  return {
    arms: {
      applies: armOf('applies', context, await engineApplies(context)),
      commits: armOf('commits', context, engineCommits(context)),
      gitApplies: armOf('git applies', context, await gitApplies(context, workTrees[0])),
      gitCommits: armOf('git commits', context, gitCommits(context, workTrees[1])),
    },
    async [Symbol.asyncDispose]() {
      for (const workTree of workTrees) await rm(workTree, { recursive: true, force: true })
    },
  }
}
