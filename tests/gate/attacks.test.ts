import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { evaluationHash } from '../../src/domain/safety/evaluate-change.ts'
import { rows } from '../../src/domain/shared/database.ts'
import { mutate } from '../factories/api.ts'
import { keepHunks } from '../factories/diff-commands.ts'
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
import { actorWithToken, addsFile, proposedDiff, readyProject, rowId } from '../factories/pipeline.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

let server: TestServer
/** A person who may review everywhere. */
let reviewer: { id: string; token: string }
/** A project for what is refused, and so leaves its branch where it is. */
let still: string
beforeAll(async () => {
  server = await startTestServer({ rehearsal: false })
  reviewer = await actorWithToken(server, { name: 'Rita', role: 'REVIEWER' })
  still = await readyProject(server)
})
afterAll(() => server[Symbol.asyncDispose]())

// Text: nothing is parsed, and the tests are quick.
const note = addsFile('note.txt', ['A note.'])
const oneMore = '1 more approval by a person with the role REVIEWER'

const approved = async (projectId: string, content = note, token?: string): Promise<ShownDiff> => {
  const diff = await proposedDiff(server, projectId, content, token)
  expect(await review(server, diff)).toMatchObject({ status: 'APPROVED' })
  return diff
}

const refused = async (diffId: string, missing: unknown) => {
  const answer = await commit(server, diffId)
  expect(answer).toMatchObject({ __typename: 'ApprovalRequiredError', missing })
}

const history = async (projectId: string) => (await gitOf(server, projectId, 'rev-list', 'main')).split('\n')

describe.concurrent('another change than the approved one', () => {
  it('approve A and commit B: an approval of one is none of the other, not even of its twin', async () => {
    const projectId = await readyProject(server)
    const a = await approved(projectId)
    const b = await proposedDiff(server, projectId, addsFile('b.txt', ['b']))
    const twin = await proposedDiff(server, projectId, note)
    expect(twin.contentHash).toBe(a.contentHash)
    for (const { id } of [b, twin]) await refused(id, [oneMore])
    // What was seen of A, said of B.
    expect(await review(server, { ...a, id: b.id })).toMatchObject({ __typename: 'ValidationError' })
    expect(await diffState(server, b.id)).toMatchObject({ status: 'PROPOSED', reviews: [] })
    expect(await history(projectId)).toEqual([a.baseCommit])
  })

  it('edit after approval: what is made of an approved diff begins without approvals, and takes its place', async () => {
    const projectId = await readyProject(server)
    const diff = await approved(projectId, addsFile('a.txt', ['a']) + addsFile('b.txt', ['b']))
    const kept = await keepHunks(server, diff.id, [0])
    expect(kept).toMatchObject({ status: 'PROPOSED', reviews: [], approval: { given: 0 } })
    await refused(kept.id, [oneMore])
    expect(await commit(server, diff.id)).toMatchObject({ __typename: 'InvalidTransitionError', from: 'SUPERSEDED' })
    expect(await history(projectId)).toEqual([diff.baseCommit])
  })

  it('another evaluation: one of another analyzer, or of another change, is not what was approved', async () => {
    const projectId = await readyProject(server)
    const [mine, other] = [await approved(projectId), await approved(projectId, addsFile('b.txt', ['b']))]
    const db = rows(server.context.services.em())
    const evaluationOf = async (id: string) =>
      await db
        .selectFrom('SafetyEvaluation')
        .selectAll()
        .where('id', '=', db.selectFrom('Diff').select('safetyId').where('id', '=', rowId(id)))
        .executeTakeFirstOrThrow()
    const { id: otherId } = await evaluationOf(other.id)
    await db.updateTable('Diff').set({ safetyId: otherId }).where('id', '=', rowId(mine.id)).execute()
    await refused(mine.id, expect.arrayContaining(['the evaluation is not of this change', oneMore]))

    const analyzerVersion = 'another'
    const evaluation = { ...(await evaluationOf(other.id)), analyzerVersion }
    await db
      .updateTable('SafetyEvaluation')
      .set({ analyzerVersion, evaluationHash: evaluationHash(evaluation.report, evaluation) })
      .where('id', '=', otherId)
      .execute()
    await refused(other.id, [oneMore])
    expect(await review(server, other)).toMatchObject({ __typename: 'ValidationError' })
    expect(await history(projectId)).toEqual([mine.baseCommit])
  })

  it('the same diff on another base: the approval stays with the base that it was given for', async () => {
    const projectId = await readyProject(server)
    const before = await approved(projectId)
    await commit(server, (await approved(projectId, addsFile('b.txt', ['b']))).id)
    const after = await proposedDiff(server, projectId, note)
    expect([after.contentHash, after.baseCommit]).toEqual([
      before.contentHash,
      expect.not.stringMatching(before.baseCommit),
    ])
    expect(await review(server, { ...before, id: after.id })).toMatchObject({ __typename: 'ValidationError' })
    await refused(after.id, [oneMore])
    expect(await commit(server, before.id)).toMatchObject({ __typename: 'BaseDriftError', actual: after.baseCommit })
    expect((await history(projectId))[0]).toBe(after.baseCommit)
  })
})

describe('drift between check and commit', () => {
  it.each(['branchHead', 'moveBranch'] as const)(
    'is found when somebody moves the branch in the moment of %s, and nothing of the change lands',
    async (moment) => {
      const projectId = await readyProject(server)
      const diff = await approved(projectId)
      const { git } = server.context.services
      const original = git[moment] as (id: string, ...rest: unknown[]) => Promise<unknown>
      let moved: Promise<string> | undefined
      const moving = async (id: string, ...rest: unknown[]) => {
        if (id !== rowId(projectId) || (moved && moment === 'branchHead')) return original.call(git, id, ...rest)
        // The head is told as it was before, as to a process that is paused then.
        const told = moment === 'branchHead' ? await original.call(git, id, ...rest) : undefined
        moved ??= commitBehindOurBack(server, projectId)
        await moved
        return told ?? original.call(git, id, ...rest)
      }
      Object.assign(git, { [moment]: moving })
      try {
        expect(await commit(server, diff.id)).toMatchObject({
          __typename: 'BaseDriftError',
          expected: diff.baseCommit,
          actual: await moved,
        })
      } finally {
        Object.assign(git, { [moment]: original })
      }
      expect(await diffState(server, diff.id)).toMatchObject({ status: 'HUMAN_REVIEWING', drifted: true })
      expect(await history(projectId)).toEqual([await moved, diff.baseCommit])
    },
  )
})

describe.concurrent('self-approval where the policy forbids it', () => {
  it('by a person: the author does not count, although they may look and say so', async () => {
    const projectId = await readyProject(server, { policy: { allowSelfApproval: false } })
    const diff = await proposedDiff(server, projectId, note)
    expect(await review(server, diff)).toMatchObject({ status: 'HUMAN_REVIEWING' })
    await refused(diff.id, ['1 more approval by another person with the role REVIEWER'])
    expect(await review(server, diff, { token: reviewer.token })).toMatchObject({ status: 'APPROVED' })
    expect(await commit(server, diff.id)).toMatchObject({ status: 'COMMITTED' })
    const message = await gitOf(server, projectId, 'log', '-1', '--format=%B', 'main')
    expect(message.match(/^Reviewed-by: .*$/gm)).toEqual([expect.stringContaining('Reviewed-by: Rita <')])
  })

  it('by token: a person is one person by whichever token they ask', async () => {
    const projectId = await readyProject(server, { policy: { requiredApprovals: 2 } })
    const author = await actorWithToken(server, { name: 'Ada', role: 'REVIEWER' })
    const issued = await mutate(server, 'createApiToken', { actorId: author.id, name: 'another', role: 'REVIEWER' })
    const diff = await proposedDiff(server, projectId, note, author.token)
    for (const token of [author.token, issued.secret ?? '']) {
      expect(await review(server, diff, { token })).toMatchObject({ status: 'HUMAN_REVIEWING' })
    }
    expect(await diffState(server, diff.id)).toMatchObject({ approval: { given: 1 }, reviews: [{}] })
    await setPolicy(server, projectId, { requiredApprovals: 1, allowSelfApproval: false })
    expect(await review(server, diff, { token: issued.secret ?? '' })).toMatchObject({ status: 'HUMAN_REVIEWING' })
    await refused(diff.id, ['1 more approval by another person with the role REVIEWER'])
  })

  it('by bot owner: whose agent it is does not count', async () => {
    const projectId = await readyProject(server, { policy: { allowSelfApproval: false } })
    const agent = await actorWithToken(server, { kind: 'AGENT', name: 'bot', role: 'AUTHOR', ownerId: reviewer.id })
    const diff = await proposedDiff(server, projectId, note, agent.token)
    expect(await review(server, diff, { token: reviewer.token })).toMatchObject({ status: 'HUMAN_REVIEWING' })
    expect((await diffState(server, diff.id)).approval.given).toBe(0)
    expect(await review(server, diff)).toMatchObject({ status: 'APPROVED' })
  })
})

describe.concurrent('replayed requests', () => {
  it('an approval sent again counts once, and not after the rejection that followed it', async () => {
    const projectId = await readyProject(server, { policy: { requiredApprovals: 2 } })
    const diff = await proposedDiff(server, projectId, note)
    const approve = () => review(server, diff, { token: reviewer.token })
    for (let time = 0; time < 3; time += 1) expect(await approve()).toMatchObject({ status: 'HUMAN_REVIEWING' })
    expect(await diffState(server, diff.id)).toMatchObject({ approval: { given: 1 }, reviews: [{}] })
    await review(server, diff, { verdict: 'REJECT' })
    expect(await approve()).toMatchObject({ __typename: 'InvalidTransitionError', from: 'HUMAN_REJECTED' })
    expect((await diffState(server, diff.id)).reviews).toHaveLength(2)
  })

  it('a commit sent again makes no second one, and a proposal sent again no second diff, for its sender alone', async () => {
    const projectId = await readyProject(server)
    const input = { content: note, clientMutationId: 'once' }
    const diff = await proposed(server, projectId, input)
    await review(server, diff)
    const { commit: made } = await commit(server, diff.id)
    expect(await commit(server, diff.id)).toMatchObject({ __typename: 'InvalidTransitionError', from: 'COMMITTED' })
    expect((await proposed(server, projectId, input)).id).toBe(diff.id)
    expect(await propose(server, projectId, input, reviewer.token)).toMatchObject({ __typename: 'PatchRejectedError' })
    expect(await history(projectId)).toEqual([made?.oid, diff.baseCommit])
  })

  it('double commit by fifty callers at once: one wins, and one commit is there', async () => {
    const projectId = await readyProject(server)
    const diff = await approved(projectId)
    const answers = await Promise.all(Array.from({ length: 50 }, () => commit(server, diff.id)))
    const won = answers.filter(({ __typename }) => __typename === 'Diff')
    expect(won).toHaveLength(1)
    for (const answer of answers.filter(({ __typename }) => __typename !== 'Diff')) {
      expect(answer).toMatchObject({ __typename: 'InvalidTransitionError' })
    }
    expect(await history(projectId)).toEqual([won[0]?.commit?.oid, diff.baseCommit])
  })
})

describe.concurrent('what a diff that was decided on takes', () => {
  it('no approval and no commit after a rejection, however many had approved', async () => {
    const diff = await approved(await readyProject(server))
    expect(await review(server, diff, { verdict: 'REJECT', token: reviewer.token })).toMatchObject({
      status: 'HUMAN_REJECTED',
    })
    expect(await review(server, diff)).toMatchObject({ __typename: 'InvalidTransitionError', from: 'HUMAN_REJECTED' })
    expect(await commit(server, diff.id)).toMatchObject({
      __typename: 'InvalidTransitionError',
      from: 'HUMAN_REJECTED',
    })
  })

  it('says that it was rejected, not that approvals are missing', async () => {
    const diff = await proposedDiff(server, await readyProject(server), note)
    await review(server, diff, { verdict: 'REJECT' })
    expect(await commit(server, diff.id)).toMatchObject({
      __typename: 'InvalidTransitionError',
      from: 'HUMAN_REJECTED',
    })
  })

  it('no verdict and no second commit after the first', async () => {
    const diff = await approved(await readyProject(server))
    await commit(server, diff.id)
    for (const verdict of ['APPROVE', 'REJECT'] as const) {
      expect(await review(server, diff, { verdict })).toMatchObject({
        __typename: 'InvalidTransitionError',
        from: 'COMMITTED',
      })
    }
    expect(await commit(server, diff.id)).toMatchObject({ __typename: 'InvalidTransitionError', from: 'COMMITTED' })
  })

  it('no commit before anybody looked', async () => {
    const diff = await proposedDiff(server, await readyProject(server), note)
    await refused(diff.id, ['1 more approval by a person with the role REVIEWER'])
    expect((await diffState(server, diff.id)).status).toBe('PROPOSED')
  })

  it('no verdict, no comment and no commit once another diff took its place', async () => {
    const content = addsFile('a.txt', ['a']) + addsFile('b.txt', ['b'])
    const diff = await approved(await readyProject(server), content)
    await keepHunks(server, diff.id, [0])
    const remark = { diffId: diff.id, path: 'a.txt', side: 'AFTER', line: 1, text: 'x' }
    const late = { __typename: 'InvalidTransitionError', from: 'SUPERSEDED' }
    for (const verdict of ['APPROVE', 'REJECT'] as const) {
      expect(await review(server, diff, { verdict, token: reviewer.token })).toMatchObject(late)
    }
    expect(await mutate(server, 'addReviewComment', remark)).toMatchObject(late)
    expect(await commit(server, diff.id)).toMatchObject(late)
  })
})

describe.concurrent('direct row edit, found at the commit', () => {
  it.each([
    ['the patch', "update diff set content = content || '+more' where id = $1", 'the stored patch is not the one'],
    [
      'the patch and its hash',
      `update diff set content = 'x', content_hash = '${'0'.repeat(64)}' where id = $1`,
      '1 more approval',
    ],
    ['the message', "update diff set commit_message = 'Another one' where id = $1", '1 more approval'],
    ['the result', 'update diff set result_tree = base_tree where id = $1', 'the evaluation is not of this change'],
    [
      'the result, here and in the evaluation',
      `with a as (update diff set result_tree = base_tree where id = $1 returning safety_id)
         update safety_evaluation set result_tree = base_tree where id = (select safety_id from a)`,
      'the stored evaluation is not the one that was made',
    ],
    [
      'the report',
      `update safety_evaluation set report = jsonb_set(report::jsonb, '{safe}', 'false')
         where id = (select safety_id from diff where id = $1)`,
      'the stored evaluation is not the one that was made',
    ],
    [
      'the evaluation and its hash',
      `update safety_evaluation set evaluation_hash = '${'0'.repeat(64)}'
         where id = (select safety_id from diff where id = $1)`,
      '1 more approval',
    ],
    [
      'what people are shown of its files',
      `update diff set files = jsonb_set(files::jsonb, '{0,patch}', '"@@ -0,0 +1 @@\\n+Nothing to see.\\n"') where id = $1`,
      'is not what its trees say',
    ],
    ['a file that people are not shown', "update diff set files = '[]' where id = $1", 'is not what its trees say'],
    ['the lines that are counted', 'update diff set additions = 0 where id = $1', 'is not what its trees say'],
    [
      'the hash by which approvals are carried',
      'update diff set change_hash = content_hash where id = $1',
      'is not what its trees say',
    ],
    [
      'the policy',
      `update project set policy = jsonb_set(policy::jsonb, '{blockedCapabilities}', '["PICKLE"]')
         where id = (select project_id from diff where id = $1)`,
      '1 more approval',
    ],
    ...['content', 'evaluation', 'message', 'policy'].map((name) => [
      `the ${name} that a review is of`,
      `update review set ${name}_hash = '${'0'.repeat(64)}' where diff_id = $1`,
      '1 more approval',
    ]),
    [
      'the base that a review is of',
      `update review set base_commit = '${'0'.repeat(40)}' where diff_id = $1`,
      '1 more approval',
    ],
    ["a review's verdict", "update review set verdict = 'REJECT' where diff_id = $1", '1 more approval'],
  ])('%s', async (name = '', statement = '', words = '') => {
    const projectId = name === 'the policy' ? await readyProject(server) : still
    const diff = await approved(projectId, addsFile(`${name}.txt`, ['A note.']))
    await sqlOf(server, statement, [rowId(diff.id)])
    await refused(diff.id, expect.arrayContaining([expect.stringContaining(words)]))
    expect((await diffState(server, diff.id)).status).toBe('HUMAN_REVIEWING')
    expect(await history(projectId)).toEqual([diff.baseCommit])
  })

  it('the base, which then is not what the approval was given for', async () => {
    const projectId = await readyProject(server)
    const first = await approved(projectId)
    const second = await approved(projectId, addsFile('b.txt', ['b']))
    const { commit: done } = await commit(server, first.id)
    await sqlOf(server, 'update diff set base_commit = $2 where id = $1', [rowId(second.id), done?.oid])
    await refused(second.id, [expect.stringContaining('1 more approval')])
    expect(await gitOf(server, projectId, 'rev-parse', 'main')).toBe(done?.oid)
  })

  it.each([
    [
      'the patch with its hash',
      `update diff set content_hash = encode(sha256(convert_to(replace(content, '+A note.', '+Another.'), 'UTF8')), 'hex'),
         content = replace(content, '+A note.', '+Another.') where id = $1`,
      'the stored patch does not give the result that was evaluated',
    ],
    [
      'what is shown of its files',
      `update diff set files = replace(files::text, '+A note.', '+Another.')::jsonb where id = $1`,
      'is not what its trees say',
    ],
  ])('%s, already before people looked', async (name, statement, words) => {
    const { id } = await proposedDiff(server, still, addsFile(`${name}, before.txt`, ['A note.']))
    await sqlOf(server, statement, [rowId(id)])
    const { node } = await server.query(
      `query ($id: ID!) { node(id: $id) { ... on Diff {
        id contentHash baseCommit content files { patch } safety { evaluationHash }
      } } }`,
      { id },
    )
    expect(node.content + node.files[0].patch).toContain('+Another.')
    expect(await review(server, node)).toMatchObject({ status: 'APPROVED' })
    await refused(id, [expect.stringContaining(words)])
    expect(await history(still)).toEqual([node.baseCommit])
  })
})

describe.concurrent('policy and people between approve and commit', () => {
  it.each([
    ['tightened', { requiredApprovals: 2 }, '2 more approvals by a person with the role REVIEWER'],
    ['loosened', { requirePassingTests: false }, '1 more approval by a person with the role REVIEWER'],
  ])(
    'policy %s: the approval falls, and the refused commit puts the diff back under review',
    async (_, policy, words) => {
      const projectId = await readyProject(server, { policy: { blockedCapabilities: ['PICKLE'] } })
      const diff = await approved(projectId)
      await setPolicy(server, projectId, { blockedCapabilities: [], ...policy })
      expect((await diffState(server, diff.id)).approval).toMatchObject({
        given: 0,
        satisfied: false,
        missing: [words],
      })
      await refused(diff.id, [words])
      expect(await diffState(server, diff.id)).toMatchObject({
        status: 'HUMAN_REVIEWING',
        reviews: [{ verdict: 'APPROVE', stillHolds: false }],
      })
      await server.event('DiffChanged', (body) => body.diffId === rowId(diff.id) && body.status === 'HUMAN_REVIEWING')
    },
  )

  it.each([
    ['is disabled', 'update actor set disabled_at = now() where id = $1'],
    ['loses the role', "update actor set role = 'AUTHOR' where id = $1"],
    ['turns out to be no person', "update actor set kind = 'SERVICE' where id = $1"],
  ])('role removed in between: no longer a person who %s', async (_, statement) => {
    const projectId = await readyProject(server)
    const passing = await actorWithToken(server, { name: 'passing by', role: 'REVIEWER' })
    const diff = await proposedDiff(server, projectId, note)
    expect(await review(server, diff, { token: passing.token })).toMatchObject({ status: 'APPROVED' })
    await sqlOf(server, statement, [rowId(passing.id)])
    await refused(diff.id, ['1 more approval by a person with the role REVIEWER'])
    expect((await diffState(server, diff.id)).status).toBe('HUMAN_REVIEWING')
    // Their name is not put under a change that another person's approval lets through.
    expect(await review(server, diff)).toMatchObject({ status: 'APPROVED' })
    expect(await commit(server, diff.id)).toMatchObject({ status: 'COMMITTED' })
    expect(await gitOf(server, projectId, 'log', '-1', '--format=%B', 'main')).not.toContain('passing by')
  })

  it('role removed in between: no longer a member who was taken off the project', async () => {
    const projectId = await readyProject(server)
    const member = await actorWithToken(server, { name: 'member' })
    const membership =
      'mutation ($p: ID!, $a: ID!) { setProjectMember(projectId: $p, actorId: $a, role: REVIEWER) { __typename } }'
    await server.query(membership, { p: projectId, a: member.id })
    const diff = await proposedDiff(server, projectId, note)
    expect(await review(server, diff, { token: member.token })).toMatchObject({ status: 'APPROVED' })
    const removal = 'mutation ($p: ID!, $a: ID!) { removeProjectMember(projectId: $p, actorId: $a) { __typename } }'
    await server.query(removal, { p: projectId, a: member.id })
    await refused(diff.id, ['1 more approval by a person with the role REVIEWER'])
  })

  it('role removed in between: the committer is asked for theirs at the commit', async () => {
    const projectId = await readyProject(server)
    const committer = await actorWithToken(server, { name: 'committer', role: 'REVIEWER' })
    const diff = await approved(projectId)
    await sqlOf(server, "update actor set role = 'AUTHOR' where id = $1", [rowId(committer.id)])
    expect(await commit(server, diff.id, committer.token)).toMatchObject({ __typename: 'ForbiddenError' })
    expect(await history(projectId)).toEqual([diff.baseCommit])
  })
})

describe.concurrent('one who may not see it, or who asks often', () => {
  it('ids of another project: its diffs are not there', async () => {
    const [mine, other] = await Promise.all([readyProject(server), readyProject(server)])
    const member = await actorWithToken(server, { name: 'of one project' })
    const membership =
      'mutation ($p: ID!, $a: ID!) { setProjectMember(projectId: $p, actorId: $a, role: ADMIN) { __typename } }'
    await server.query(membership, { p: mine, a: member.id })
    const diff = await approved(other)
    expect(await review(server, diff, { token: member.token, verdict: 'REJECT' })).toMatchObject({
      __typename: 'NotFoundError',
    })
    expect(await commit(server, diff.id, member.token)).toMatchObject({ __typename: 'NotFoundError' })
    expect(await propose(server, other, { content: note }, member.token)).toMatchObject({ __typename: 'NotFoundError' })
    // A commit of the other project is none of this one's.
    await commit(server, diff.id)
    const baseCommit = await gitOf(server, other, 'rev-parse', 'main')
    expect(await propose(server, mine, { content: note, baseCommit }, member.token)).toMatchObject({
      __typename: 'ValidationError',
    })
    expect(await commit(server, mine)).toMatchObject({ __typename: 'NotFoundError' })
  })

  it('alias batches: many approvals and commits in one request are each looked at by themselves', async () => {
    const projectId = await readyProject(server, { policy: { requiredApprovals: 2 } })
    const diffs = [
      await proposedDiff(server, projectId, note),
      await proposedDiff(server, projectId, addsFile('b.txt', ['b'])),
    ]
    const batch = async (token?: string): Promise<readonly (readonly string[])[]> => {
      const fields = Array.from({ length: 6 }, (_, index) =>
        diffs.map(
          ({ id, contentHash, safety }, of) => `
          a${of}${index}: reviewDiff(diffId: "${id}", verdict: APPROVE, contentHash: "${contentHash}",
            evaluationHash: "${safety.evaluationHash}") { __typename }
          c${of}${index}: commitDiff(diffId: "${id}") { __typename }`,
        ),
      )
      const answers = await server.query(`mutation { ${fields.flat().join('')} }`, {}, token)
      return diffs.map((_, of) =>
        Object.keys(answers).flatMap((key) => (key.startsWith(`c${of}`) ? [answers[key].__typename] : [])),
      )
    }
    const never = Array(6).fill('ApprovalRequiredError')
    expect(await batch()).toEqual([never, never])
    for (const { id } of diffs) {
      expect(await diffState(server, id)).toMatchObject({ status: 'HUMAN_REVIEWING', approval: { given: 1 } })
    }
    expect(await batch(reviewer.token)).toEqual([
      ['Diff', ...Array(5).fill('InvalidTransitionError')],
      Array(6).fill('BaseDriftError'),
    ])
    expect(await history(projectId)).toHaveLength(2)
  })
})
