import { expect, it } from 'vitest'
import { randomNumbers } from '../../bench/harness/random.ts'
import { type DiffStatus, diffTransitions } from '../../src/domain/diff/diff.status.ts'
import { rebase } from '../factories/diff-commands.ts'
import {
  commit,
  commitBehindOurBack,
  diffState,
  gitOf,
  propose,
  proposed,
  review,
  type ShownDiff,
  setPolicy,
  sqlOf,
} from '../factories/gate.ts'
import { actorWithToken, addsFile, readyProject, rowId } from '../factories/pipeline.ts'
import { startTestServer } from '../support/server.ts'

const steps = 150
const seed = Number(process.env.RANDOM_WALK_SEED ?? 9)

const policies = [
  { requiredApprovals: 1, allowSelfApproval: true },
  { requiredApprovals: 2, allowSelfApproval: true },
  { requiredApprovals: 1, allowSelfApproval: false },
  { requiredApprovals: 0, allowSelfApproval: true },
] as const

interface Modelled {
  readonly shown: ShownDiff
  readonly author: number
  readonly resultTree: string
  /** Who approved under which policy. */
  readonly approvals: { readonly reviewer: number; readonly policy: number }[]
  /** What it is a rebase of. */
  readonly earlier?: Modelled
  state: 'open' | 'rejected' | 'committed' | 'superseded'
}

/** The approvals that a rebase brings along: those that hold under the policy, of the nearest iteration that has any. */
const carried = (diff: Modelled | undefined, policy: number): Modelled['approvals'] => {
  if (!diff) return []
  const holding = diff.approvals.filter((approval) => approval.policy === policy)
  return holding.length > 0 ? holding : carried(diff.earlier, policy)
}

it(`whatever people do in whatever order, only what was approved is committed (seed ${seed})`, async () => {
  await using server = await startTestServer({ rehearsal: false })
  const projectId = await readyProject(server, { policy: policies[0] })
  const people = [
    server.token,
    ...(await Promise.all(['Rita', 'Rolf'].map((name) => actorWithToken(server, { name, role: 'REVIEWER' })))).map(
      ({ token }) => token,
    ),
  ]
  const random = randomNumbers(seed)
  const diffs: Modelled[] = []
  const branch = [await gitOf(server, projectId, 'rev-parse', 'main')]
  const trees = new Map<string, { tree: string; parent: string }>()
  const outcomes = new Set<string>()
  let policy = 0
  let rebases = 0
  const head = () => branch[0] ?? ''
  const pick = () => diffs[diffs.length - 1 - (random(3) > 0 ? 0 : random(diffs.length))]

  const isApproved = (diff: Modelled): boolean => {
    const { requiredApprovals, allowSelfApproval } = policies[policy] ?? policies[0]
    const counted = diff.approvals.filter(
      (approval) => approval.policy === policy && (allowSelfApproval || approval.reviewer !== diff.author),
    )
    return new Set(counted.map(({ reviewer }) => reviewer)).size >= requiredApprovals
  }
  const expectedCommit = (diff: Modelled): string => {
    if (diff.state !== 'open') return 'InvalidTransitionError'
    if (!isApproved(diff)) return 'ApprovalRequiredError'
    return diff.shown.baseCommit === head() ? 'Diff' : 'BaseDriftError'
  }
  const landed = (diff: Modelled, oid: string) => {
    trees.set(oid, { tree: diff.resultTree, parent: diff.shown.baseCommit })
    branch.unshift(oid)
    diff.state = 'committed'
  }

  const actions: Record<string, () => Promise<void>> = {
    async propose() {
      const author = random(people.length)
      const baseCommit = random(5) === 0 ? (branch[random(branch.length)] ?? head()) : head()
      const content = addsFile(`file-${diffs.length}.txt`, [`line ${random(1000)}`])
      const shown = await proposed(server, projectId, { content, baseCommit }, people[author])
      const { resultTree } = await diffState(server, shown.id)
      diffs.push({ shown, author, resultTree, approvals: [], state: 'open' })
    },
    async review() {
      const diff = pick()
      if (!diff) return
      const reviewer = random(people.length)
      const verdict = random(12) === 0 ? 'REJECT' : 'APPROVE'
      const answer = await review(server, diff.shown, { verdict, token: people[reviewer] ?? '' })
      expect(answer.__typename).toBe(diff.state === 'open' ? 'Diff' : 'InvalidTransitionError')
      if (diff.state !== 'open') return
      if (verdict === 'REJECT') diff.state = 'rejected'
      else diff.approvals.push({ reviewer, policy })
    },
    async rebase() {
      const diff = pick()
      if (!diff) return
      const answer = await rebase(server, diff.shown.id, people[random(people.length)])
      expect(answer.__typename).toBe(diff.state === 'open' ? 'Diff' : 'InvalidTransitionError')
      if (diff.state !== 'open') return
      if (diff.shown.baseCommit === head()) {
        expect(answer.id).toBe(diff.shown.id)
        return
      }
      diff.state = 'superseded'
      const { author } = diff
      const approvals = [...carried(diff, policy)]
      diffs.push({ shown: answer, author, resultTree: answer.resultTree, approvals, earlier: diff, state: 'open' })
      const { baseCommit, reviews } = answer
      expect([baseCommit, reviews.length]).toEqual([head(), new Set(approvals.map(({ reviewer }) => reviewer)).size])
      rebases += reviews.length > 0 ? 1 : 0
    },
    async changePolicy() {
      policy = random(policies.length)
      await setPolicy(server, projectId, policies[policy] ?? policies[0])
    },
    async moveBranch() {
      const parent = head()
      const tree = await gitOf(server, projectId, 'rev-parse', 'main^{tree}')
      const oid = await commitBehindOurBack(server, projectId, `By hand ${branch.length}`)
      trees.set(oid, { tree, parent })
      branch.unshift(oid)
    },
    async commit() {
      const diff = pick()
      if (!diff) return
      const expected = expectedCommit(diff)
      const answer = await commit(server, diff.shown.id, people[random(people.length)])
      expect(answer.__typename).toBe(expected)
      outcomes.add(expected)
      if (answer.commit) landed(diff, answer.commit.oid)
    },
    async commitTwoAtOnce() {
      const pair = [...new Set([pick(), pick()])].filter((diff) => diff !== undefined)
      const expected = pair.map(expectedCommit)
      const answers = await Promise.all(pair.map((diff) => commit(server, diff.shown.id)))
      const winners = answers.flatMap((answer, index) => (answer.__typename === 'Diff' ? [index] : []))
      expect(winners.length).toBe(expected.includes('Diff') ? 1 : 0)
      for (const [index, answer] of answers.entries()) {
        const lost = expected[index] === 'Diff' && !winners.includes(index)
        expect(answer.__typename).toBe(lost ? 'BaseDriftError' : expected[index])
        const diff = pair[index]
        if (diff && answer.commit) landed(diff, answer.commit.oid)
        outcomes.add(answer.__typename)
      }
    },
    async proposeNonsense() {
      const content = addsFile('../outside.txt', ['x'])
      expect((await propose(server, projectId, { content })).reason).toBe('UNSAFE_PATH')
    },
  }
  const weights: readonly (readonly [action: keyof typeof actions, weight: number])[] = [
    ['propose', 3],
    ['review', 8],
    ['commit', 4],
    ['commitTwoAtOnce', 2],
    ['rebase', 3],
    ['changePolicy', 1],
    ['moveBranch', 1],
    ['proposeNonsense', 1],
  ]
  const weighted = weights.flatMap(([action, weight]) => Array<string>(weight).fill(action))

  const done: string[] = []
  for (let step = 0; step < steps; step += 1) {
    const name = weighted[random(weighted.length)] ?? 'propose'
    done.push(name)
    await actions[name]?.()
    const log = await gitOf(server, projectId, 'log', '--format=%H %T %P', 'main')
    const shown = log.split('\n').map((line) => line.split(' '))
    expect(
      shown.map(([oid]) => oid),
      `after ${step} ${name}`,
    ).toEqual(branch)
    for (const [oid = '', tree, ...parents] of shown.slice(0, -1)) {
      expect({ tree, parent: parents.join() }).toEqual(trees.get(oid))
    }
  }

  const events = await sqlOf(
    server,
    "select diff_id, body->>'status' as status from event where body->>'type' = 'DiffChanged' order by id",
  )
  const last = new Map<unknown, DiffStatus>()
  for (const { diff_id: diffId, status } of events as readonly { diff_id: string; status: DiffStatus }[]) {
    const from = last.get(diffId)
    if (from === undefined) expect(status).toBe('PROPOSED')
    // An approval that is not the last one is told, too.
    else if (status !== from) expect([from, diffTransitions[from]]).toEqual([from, expect.arrayContaining([status])])
    last.set(diffId, status)
  }
  for (const { shown, state } of diffs) {
    const { status } = await diffState(server, shown.id)
    expect(status).toBe(last.get(rowId(shown.id)))
    expect([state, status === 'COMMITTED', status === 'HUMAN_REJECTED', status === 'SUPERSEDED']).toEqual([
      state,
      state === 'committed',
      state === 'rejected',
      state === 'superseded',
    ])
  }
  // A walk that never commits, or never drifts, shows nothing.
  expect(outcomes).toEqual(new Set(['Diff', 'ApprovalRequiredError', 'BaseDriftError', 'InvalidTransitionError']))
  expect(diffs.filter(({ state }) => state === 'committed').length).toBeGreaterThan(3)
  expect(rebases).toBeGreaterThan(2)
  expect(new Set(done).size).toBe(Object.keys(actions).length)
  expect(await gitOf(server, projectId, 'fsck', '--strict', '--no-dangling')).toBe('')
})
