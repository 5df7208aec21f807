import { setImmediate } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { randomNumbers } from '../../bench/harness/random.ts'
import { authenticate } from '../../src/domain/actor/authenticate.ts'
import type { Viewer } from '../../src/domain/actor/viewer.ts'
import { commitDiff } from '../../src/domain/commit/commit-diff.ts'
import { settleCommit } from '../../src/domain/commit/settle-commit.ts'
import { diffTransitions } from '../../src/domain/diff/diff.status.ts'
import { proposeDiff } from '../../src/domain/diff/propose-diff.ts'
import { rebaseDiff } from '../../src/domain/diff/rebase-diff.ts'
import { DomainError } from '../../src/domain/errors.ts'
import type { GitStore } from '../../src/domain/ports/git-store.ts'
import { rows } from '../../src/domain/shared/database.ts'
import type { Services } from '../../src/domain/shared/services.ts'
import { globalId, mutate } from '../factories/api.ts'
import { gitOf, type ShownDiff } from '../factories/gate.ts'
import { faultsOf, type GateHistory, readHistory } from '../factories/gate-history.ts'
import { actorWithToken, addsFile, readyProject, rowId } from '../factories/pipeline.ts'
import { createTestDatabase } from '../support/database.ts'
import { isLong } from '../support/long.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

const count = isLong ? 2_000 : 48
const limitMs = isLong ? 7_200_000 : 120_000
/** So many interleavings are of one project. */
const perProject = isLong ? 50 : 16
const seed = Number(process.env.RANDOM_WALK_SEED ?? 11)

const policies = [
  { requiredApprovals: 1, allowSelfApproval: true },
  { requiredApprovals: 2, allowSelfApproval: true },
  { requiredApprovals: 1, allowSelfApproval: false },
] as const

interface Person {
  readonly token: string
  readonly viewer: Viewer
}

interface Project {
  readonly id: string
  readonly diffs: ShownDiff[]
  readonly trees: Map<string, string>
  readonly committed: Set<string>
  readonly rejected: Set<string>
  readonly superseded: Set<string>
  /** Diffs of which nothing can come any more. */
  closed: ReadonlySet<string>
}

const stack = new AsyncDisposableStack()
let server: TestServer
let people: Person[]
let projects: Project[]
beforeAll(async () => {
  const { url: databaseUrl } = stack.use(await createTestDatabase())
  const { path: dataDir } = stack.use(await temporaryDirectory())
  const ids: string[] = []
  {
    await using earlier = await startTestServer({ rehearsal: false, databaseUrl, dataDir })
    for (let made = 0; made < Math.ceil(count / perProject); made += 1) {
      ids.push(await readyProject(earlier, { policy: policies[made % policies.length] ?? policies[0] }))
    }
  }
  projects = ids.map((id) => ({
    id,
    diffs: [],
    trees: new Map(),
    committed: new Set(),
    rejected: new Set(),
    superseded: new Set(),
    closed: new Set(),
  }))
  // No worker: what a killed process left stays until somebody takes it up.
  server = stack.use(await startTestServer({ rehearsal: false, databaseUrl, dataDir, pools: {} }))
  const others = await Promise.all(['Rita', 'Rolf'].map((name) => actorWithToken(server, { name, role: 'REVIEWER' })))
  people = await Promise.all(
    [server.token, ...others.map(({ token }) => token)].map(async (token) => {
      const viewer = await authenticate(server.context.services, token)
      if (!viewer) throw new Error('A token is not known.')
      return { token, viewer }
    }),
  )
}, limitMs)
afterAll(() => stack.disposeAsync())

class Killed extends Error {}

/** A process's services, which dies in its nth call of git, before git has done it or after. A commit makes several. */
const mortal = (nth: number, when: 'before' | 'after'): Services => {
  const { services } = server.context
  let calls = 0
  let dead = false
  const alive = <Value>(value: Value): Value => {
    if (dead) throw new Killed('A dead process asked for something.')
    return value
  }
  const git = new Proxy(services.git, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name)
      if (typeof member !== 'function') return member
      return (...given: unknown[]) => {
        alive(undefined)
        calls += 1
        if (calls !== nth) return Reflect.apply(member, target, given)
        if (when === 'before') {
          dead = true
          throw new Killed(String(name))
        }
        return Promise.resolve(Reflect.apply(member, target, given)).then(() => {
          dead = true
          throw new Killed(String(name))
        })
      }
    },
  }) as GitStore
  return { ...services, git, em: () => alive(services.em()) }
}

/** What a call of a process that may die ended with. */
const outcomeOf = async (call: Promise<unknown>): Promise<string> => {
  try {
    await call
    return 'done'
  } catch (error) {
    if (error instanceof Killed) return 'killed'
    if (error instanceof DomainError) return error.name
    throw error
  }
}

const shownFields =
  '__typename ... on Diff { id status contentHash baseCommit resultTree safety { evaluationHash } commit { oid } }'

const ask = async (call: string, variables: object, types: string, token: string) => {
  const answer = await server.query(`mutation (${types}) { answer: ${call} { ${shownFields} } }`, variables, token)
  return answer.answer
}

type Move = (
  project: Project,
  diff: ShownDiff | undefined,
  person: Person,
  random: (below: number) => number,
) => Promise<string>

const note = (project: Project, shown: ShownDiff & { readonly resultTree: string }): void => {
  if (project.trees.has(rowId(shown.id))) return
  project.diffs.push(shown)
  project.trees.set(rowId(shown.id), shown.resultTree)
}

const proposal = (random: (below: number) => number) => ({
  // Few names: some changes meet on the same file.
  content: addsFile(`file-${random(40)}.txt`, [`line ${random(1_000_000)}`]),
  commitMessage: `Add ${random(1_000)}`,
})

const judge =
  (verdict: 'APPROVE' | 'REJECT'): Move =>
  async (project, diff, { token }) => {
    if (!diff) return 'nothing'
    const { id, contentHash: content, safety } = diff
    const { node } = await server.query('query ($id: ID!) { node(id: $id) { ... on Diff { messageHash } } }', { id })
    const answer = await ask(
      'reviewDiff(diffId: $id, verdict: $verdict, contentHash: $content, evaluationHash: $evaluation, messageHash: $message)',
      { id, verdict, content, evaluation: safety.evaluationHash, message: node.messageHash },
      '$id: ID!, $verdict: ReviewVerdict!, $content: String!, $evaluation: String!, $message: String!',
      token,
    )
    if (verdict === 'REJECT' && answer.__typename === 'Diff') project.rejected.add(rowId(diff.id))
    return answer.__typename
  }

/** A process that may die in any of its calls does it. */
const dying =
  (does: (services: Services, project: Project, diff: ShownDiff, viewer: Viewer) => Promise<unknown>): Move =>
  (project, diff, { viewer }, random) =>
    diff
      ? outcomeOf(does(mortal(1 + random(14), random(2) === 0 ? 'before' : 'after'), project, diff, viewer))
      : Promise.resolve('nothing')

/** What a process that starts again does about commits that are under way. */
const recover = async (services: Services, project: Project): Promise<void> => {
  const left = await rows(server.context.services.em())
    .selectFrom('Diff')
    .select('id')
    .where('projectId', '=', rowId(project.id))
    .where('status', '=', 'COMMITTING')
    .execute()
  for (const { id } of left) {
    try {
      await settleCommit(services, id)
    } catch (error) {
      if (!(error instanceof DomainError)) throw error
    }
  }
}

const moves: Readonly<Record<string, readonly [weight: number, move: Move]>> = {
  propose: [
    3,
    async (project, _, { token }, random) => {
      const input = { projectId: project.id, ...proposal(random) }
      const answer = await ask('proposeDiff(input: $input)', { input }, '$input: ProposeDiffInput!', token)
      if (answer.__typename === 'Diff') note(project, answer)
      return answer.__typename
    },
  ],
  approve: [10, judge('APPROVE')],
  reject: [1, judge('REJECT')],
  editMessage: [
    2,
    async (_, diff, { token }, random) =>
      diff
        ? (await mutate(server, 'updateCommitMessage', { diffId: diff.id, message: `Say ${random(1_000)}` }, token))
            .__typename
        : 'nothing',
  ],
  rebase: [
    2,
    async (project, diff, { token }) => {
      if (!diff) return 'nothing'
      const answer = await ask('rebaseDiff(diffId: $id)', { id: diff.id }, '$id: ID!', token)
      if (answer.__typename === 'Diff' && answer.id !== diff.id) {
        project.superseded.add(rowId(diff.id))
        note(project, answer)
      }
      return answer.__typename
    },
  ],
  moveBranch: [
    1,
    async ({ id }) => {
      const head = await gitOf(server, id, 'rev-parse', 'main')
      const identity = ['-c', 'user.name=Somebody', '-c', 'user.email=somebody@example.com']
      const oid = await gitOf(server, id, ...identity, 'commit-tree', '-p', head, '-m', 'By hand', `${head}^{tree}`)
      // Like a push: refused where the branch has moved meanwhile.
      return gitOf(server, id, 'update-ref', 'refs/heads/main', oid, head).then(
        () => 'moved',
        () => 'refused',
      )
    },
  ],
  commit: [
    6,
    async (project, diff, { token }) => {
      if (!diff) return 'nothing'
      const answer = await ask('commitDiff(diffId: $id)', { id: diff.id }, '$id: ID!', token)
      if (answer.__typename === 'Diff') project.committed.add(answer.commit.oid)
      return answer.__typename
    },
  ],
  killCommit: [3, dying((services, _, diff, viewer) => commitDiff(services, viewer, rowId(diff.id)))],
  killRebase: [1, dying((services, _, diff, viewer) => rebaseDiff(services, viewer, rowId(diff.id)))],
  killProposal: [
    1,
    dying((services, project, _, viewer) =>
      proposeDiff(services, viewer, {
        projectId: rowId(project.id),
        ...proposal(randomNumbers(project.diffs.length)),
      }),
    ),
  ],
  killRecovery: [1, dying((services, project) => recover(services, project))],
  recover: [1, async (project) => outcomeOf(recover(server.context.services, project))],
}
const names = Object.entries(moves).flatMap(([name, [weight]]) => Array<string>(weight).fill(name))

/** What nobody was told of: the diffs that killed rebases and proposals made, and how diffs ended. */
const noteUntold = async (project: Project, { diffs }: GateHistory): Promise<void> => {
  const ended = diffs.filter(({ status }) => diffTransitions[status].length === 0)
  project.closed = new Set(ended.map(({ id }) => id))
  const untold = diffs.filter(({ id }) => !project.trees.has(id))
  for (const { id } of untold) {
    const { node } = await server.query(
      'query ($id: ID!) { node(id: $id) { ... on Diff { id contentHash baseCommit resultTree safety { evaluationHash } } } }',
      { id: globalId('Diff', id) },
    )
    note(project, node)
  }
}

/** A change that is committed too early, by processes that die in it, and too often. @returns the outcomes */
const commitAlone = async (project: Project): Promise<string[]> => {
  const { services } = server.context
  await recover(services, project)
  const [author, reviewer, other] = people as [Person, Person, Person]
  const random = randomNumbers(1)
  const input = { projectId: project.id, content: addsFile('alone.txt', ['line']), commitMessage: 'Commit it alone' }
  const diff = await ask('proposeDiff(input: $input)', { input }, '$input: ProposeDiffInput!', author.token)
  note(project, diff)
  const [, commit] = moves.commit ?? []
  if (!commit) throw new Error('There is no such move.')
  const told = [`commit: ${await commit(project, diff, reviewer, random)}`]
  for (const person of [reviewer, other]) await judge('APPROVE')(project, diff, person, random)
  for (const when of ['before', 'after'] as const) {
    const killed = commitDiff(mortal(1, when), reviewer.viewer, rowId(diff.id))
    told.push(`killCommit: ${await outcomeOf(killed)}`)
    await recover(services, project)
  }
  for (let times = 0; times < 2; times += 1) told.push(`commit: ${await commit(project, diff, reviewer, random)}`)
  return told
}

it(
  `in whatever order people and kills come, the branch has what was approved alone (${count} interleavings, seed ${seed})`,
  async () => {
    const random = randomNumbers(seed)
    const outcomes = new Map<string, number>()
    for (let at = 0; at < count; at += 1) {
      const project = projects[Math.floor(at / perProject)]
      if (!project) throw new Error('There are too few projects.')
      const { diffs, closed } = project
      // Mostly one that something can still come of.
      const newest = diffs.findLast(({ id }) => !closed.has(rowId(id)))
      const subject = random(5) > 0 ? newest : diffs[random(Math.max(1, diffs.length))]
      const chosen = Array.from({ length: 2 + random(4) }, () => names[random(names.length)] ?? 'propose')
      if (!newest) chosen.push('propose')
      const told = await Promise.all(
        chosen.map(async (name) => {
          const person = people[random(people.length)] as Person
          const choices = randomNumbers(random(1_000_000))
          for (let wait = random(30); wait > 0; wait -= 1) await setImmediate()
          const outcome = await moves[name]?.[1](project, subject, person, choices)
          return `${name}: ${outcome}`
        }),
      )
      for (const each of told) outcomes.set(each, (outcomes.get(each) ?? 0) + 1)
      const history = await readHistory(server, project.id)
      await noteUntold(project, history)
      expect(faultsOf(history, project), `interleaving ${at} of ${told.join(', ')}`).toEqual([])
    }
    // What was reached while others came and went is chance; here nobody else comes.
    for (const project of projects) {
      for (const each of await commitAlone(project)) outcomes.set(each, (outcomes.get(each) ?? 0) + 1)
    }
    let committed = 0
    for (const project of projects) {
      await recover(server.context.services, project)
      const history = await readHistory(server, project.id)
      expect(faultsOf(history, project)).toEqual([])
      expect(history.diffs.filter(({ status }) => status === 'COMMITTING')).toEqual([])
      committed += history.diffs.filter(({ status }) => status === 'COMMITTED').length
      expect(await gitOf(server, project.id, 'fsck', '--strict', '--no-dangling')).toBe('')
    }
    if (isLong) console.info(Object.fromEntries([...outcomes].sort()))
    // Interleavings in which nothing is committed, refused or killed show nothing.
    const seen = [...outcomes.keys()]
    for (const outcome of ['Diff', 'ApprovalRequiredError', 'InvalidTransitionError']) {
      expect(seen).toContain(`commit: ${outcome}`)
    }
    expect(seen).toContain('killCommit: killed')
    expect(committed).toBeGreaterThan(count / 20)
  },
  limitMs,
)
