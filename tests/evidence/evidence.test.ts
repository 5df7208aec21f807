import { createHash, createPublicKey, verify } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { execute, parse } from 'graphql'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { authenticate } from '../../src/domain/actor/authenticate.ts'
import { createGraphQLContext } from '../../src/schema/context.ts'
import { schema } from '../../src/schema/index.ts'
import { committedChange, envelopeOf, noteOf, sha256, statementIn } from '../factories/evidence.ts'
import { commit, diffState, gitOf, propose, proposed, review, setPolicy, sqlOf } from '../factories/gate.ts'
import {
  actorWithToken,
  addsFile,
  endedSprint,
  readyProject,
  rowId,
  startedSprint,
  validatedSpec,
} from '../factories/pipeline.ts'
import { endedRun, testCase, testDiff } from '../factories/testing.ts'
import { countQueries } from '../support/count-queries.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

let server: TestServer
let projectId: string
beforeAll(async () => {
  server = await startTestServer()
  projectId = await readyProject(server)
})
afterAll(() => server[Symbol.asyncDispose]())

interface ShownEvidence {
  // biome-ignore lint/suspicious/noExplicitAny: any statement
  readonly payload: any
  readonly signature: string
  readonly keyId: string
  readonly valid: boolean
}

const commitsDocument = `query ($id: ID!) { node(id: $id) { ... on Project {
  commits(first: 50) { nodes { oid message diff { id } evidence { payload signature keyId valid } } }
} } }`

const evidenceByCommit = async (id: string): Promise<Map<string, ShownEvidence | null>> => {
  const { node } = await server.query(commitsDocument, { id })
  return new Map(
    node.commits.nodes.map((each: { oid: string; evidence: ShownEvidence | null }) => [each.oid, each.evidence]),
  )
}

const evidenceOf = async (id: string, oid: string): Promise<ShownEvidence | null | undefined> =>
  (await evidenceByCommit(id)).get(oid)

const signingKey = async (): Promise<{ keyId: string; publicKey: string }> =>
  (await server.query('{ signingKey { keyId publicKey } }')).signingKey

describe('the evidence of a commit', () => {
  it('is an in-toto statement of what it rests on: people, hashes, policy, reviews and tests', async () => {
    const own = await readyProject(server)
    await testCase(server, own, { name: 'it is there', command: ['sh', '-c', 'test -f note.txt; echo to-nobody-else'] })
    const author = await actorWithToken(server, { kind: 'HUMAN', name: 'Ada', role: 'AUTHOR' })
    const other = await actorWithToken(server, { kind: 'HUMAN', name: 'Grace', role: 'REVIEWER' })
    await setPolicy(server, own, { requiredApprovals: 2, allowSelfApproval: false, requirePassingTests: true })
    const content = addsFile('note.txt', ['A note.'])
    const diff = await proposed(server, own, { content, commitMessage: 'Add it\n\nFixes: #1\n' }, author.token)
    expect(await endedRun(server, (await testDiff(server, diff.id)).id)).toMatchObject({ status: 'PASSED' })
    await review(server, diff)
    await review(server, diff, { token: other.token })
    const answer = await commit(server, diff.id)
    const oid = answer.commit?.oid ?? ''
    expect(answer).toMatchObject({ __typename: 'Diff', status: 'COMMITTED' })

    const shown = await evidenceOf(own, oid)
    expect(shown).toMatchObject({ valid: true, keyId: (await signingKey()).keyId })
    const { resultTree } = await diffState(server, diff.id)
    const [row] = await sqlOf(server, 'select change_hash, base_tree, created_at::text from diff where id = $1', [
      rowId(diff.id),
    ])
    const statement = shown?.payload
    expect(statement).toMatchObject({
      _type: 'https://in-toto.io/Statement/v1',
      predicateType: 'https://countersign.invalid/evidence/v1',
      subject: [
        { name: 'tree', digest: { gitTree: resultTree } },
        {
          name: 'change',
          digest: { sha256: sha256(`000000 - 100644 ${sha256('A note.\n')} note.txt\0`) },
        },
        { name: 'patch', digest: { sha256: sha256(content) } },
      ],
    })
    const { predicate } = statement
    expect(predicate).toMatchObject({
      project: { id: rowId(own), branch: 'main' },
      diff: {
        id: rowId(diff.id),
        origin: 'EXTERNAL',
        contentHash: diff.contentHash,
        changeHash: row?.change_hash,
        author: { id: rowId(author.id), kind: 'HUMAN', ownerId: null },
        requester: null,
      },
      base: { commit: diff.baseCommit, tree: row?.base_tree },
      commit: {
        tree: resultTree,
        parents: [diff.baseCommit],
        message: 'Add it\n\nFixes: #1\n',
        author: { name: 'Ada', at: new Date(String(row?.created_at)).toISOString() },
        committer: { name: 'Administrator' },
      },
      evaluation: { hash: diff.safety.evaluationHash, syntaxValid: true, addedCapabilities: [] },
      policy: {
        rules: {
          requiredApprovals: 2,
          allowSelfApproval: false,
          requirePassingTests: true,
          blockedCapabilities: [],
        },
      },
      tests: {
        status: 'PASSED',
        omitted: 0,
        runs: [
          {
            status: 'PASSED',
            cached: false,
            basis: 'WORKSPACE',
            tree: resultTree,
            results: [{ name: 'it is there', status: 'PASSED', exitCode: 0, cached: false }],
          },
        ],
      },
      usage: null,
    })
    expect(predicate.reviews.map((each: { reviewer: { name: string } }) => each.reviewer.name)).toEqual([
      'Administrator',
      'Grace',
    ])
    for (const each of predicate.reviews) {
      expect(each).toMatchObject({
        verdict: 'APPROVE',
        mayReview: true,
        contentHash: diff.contentHash,
        evaluationHash: diff.safety.evaluationHash,
        baseCommit: diff.baseCommit,
        messageHash: sha256('Add it\n\nFixes: #1\n'),
        policyHash: predicate.policy.hash,
        carriedFrom: null,
      })
    }
    expect(JSON.stringify(statement)).not.toContain('to-nobody-else')
  })

  it('is beside it as a note that git shows, whose hash the commit names and whose signature openssl would verify', async () => {
    const { diff, oid } = await committedChange(server, projectId)
    const note = await noteOf(server, projectId, oid)
    const message = await gitOf(
      server,
      projectId,
      'log',
      '-1',
      '--format=%(trailers:key=Countersign-Evidence,valueonly)',
      oid,
    )
    expect(message).toBe(`sha256:${sha256(note ?? '')}`)
    const { payload, payloadType, signatures } = envelopeOf(note)
    expect(payloadType).toBe('application/vnd.in-toto+json')
    const bytes = Buffer.from(payload, 'base64')
    // The pre-authentication encoding, written down here once more from its specification.
    const signed = Buffer.concat([Buffer.from(`DSSEv1 28 application/vnd.in-toto+json ${bytes.length} `), bytes])
    const { keyId, publicKey } = await signingKey()
    const [signature] = signatures
    expect(verify(null, signed, createPublicKey(publicKey), Buffer.from(signature?.sig ?? '', 'base64'))).toBe(true)
    const der = createPublicKey(publicKey).export({ format: 'der', type: 'spki' })
    expect(createHash('sha256').update(der).digest('hex')).toBe(keyId)
    expect(signature).toMatchObject({ keyid: keyId, publicKey: der.toString('base64') })
    expect(JSON.parse(bytes.toString('utf8')).predicate.diff.id).toBe(rowId(diff.id))
    expect(await gitOf(server, projectId, 'fsck', '--strict', '--no-dangling')).toBe('')
  })

  it('of a sprint says which models took part and what they cost, and that a rehearsal is no model', async () => {
    const own = await readyProject(server)
    const sprintId = await startedSprint(server, await validatedSpec(server, own))
    expect(await endedSprint(server, sprintId)).toBe('COMPLETED')
    const { node } = await server.query(
      `query ($id: ID!) { node(id: $id) { ... on Sprint {
        usage { calls costUsd unpricedCalls } diff { id contentHash baseCommit safety { evaluationHash } }
      } } }`,
      { id: sprintId },
    )
    await review(server, node.diff)
    const answer = await commit(server, node.diff.id)
    const shown = await evidenceOf(own, answer.commit?.oid ?? '')
    expect(shown?.valid).toBe(true)
    const { diff, usage } = shown?.payload.predicate ?? {}
    expect(diff).toMatchObject({ origin: 'SPRINT', requester: { kind: 'HUMAN' } })
    expect(usage).toMatchObject({ calls: node.usage.calls, unpricedCalls: node.usage.unpricedCalls })
    expect(usage.costUsd).toBeCloseTo(node.usage.costUsd, 6)
    expect(usage.byAgent.map(({ agent }: { agent: string }) => agent)).toContain('coder')
    for (const each of usage.byAgent) expect(each).toMatchObject({ rehearsal: true, model: expect.any(String) })
    const [call] = await sqlOf(server, 'select message from agent_run where sprint_id = $1 limit 1', [rowId(sprintId)])
    expect(JSON.stringify(shown?.payload)).not.toContain(String(call?.message).slice(0, 60))
  })

  it('lists two hundred reviews at the most, those that count among them', async () => {
    const own = await readyProject(server)
    const diff = await proposed(server, own, { content: addsFile('read.txt', ['x']) })
    await review(server, diff)
    await sqlOf(
      server,
      `insert into review (id, diff_id, reviewer_id, verdict, content_hash, evaluation_hash, base_commit, message_hash, policy_hash, created_at)
       select gen_random_uuid(), diff_id, reviewer_id, verdict, repeat('0', 64), evaluation_hash, base_commit, message_hash, policy_hash,
         created_at + each * interval '1 second'
       from review, generate_series(1, 300) as each where diff_id = $1`,
      [rowId(diff.id)],
    )
    const answer = await commit(server, diff.id)
    const shown = await evidenceOf(own, answer.commit?.oid ?? '')
    expect(shown?.valid).toBe(true)
    const { reviews } = shown?.payload.predicate ?? {}
    expect(reviews).toHaveLength(200)
    expect(reviews[0].contentHash).toBe(diff.contentHash)
  })

  it('says nothing of the key that made it but its public half, which the data directory keeps for its owner alone', async () => {
    const { oid } = await committedChange(server, projectId)
    const file = join(server.config.dataDir, 'signing-key')
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    const secret = (await readFile(file, 'utf8')).trim()
    const note = await noteOf(server, projectId, oid)
    const inside = Buffer.concat([note ?? Buffer.alloc(0), Buffer.from(envelopeOf(note).payload, 'base64')])
    for (const form of [secret, Buffer.from(secret, 'hex').toString('base64').slice(0, 40)]) {
      expect(inside.includes(form)).toBe(false)
    }
  })

  it('is null for a commit that names none', async () => {
    const own = await readyProject(server)
    const { diff, oid } = await committedChange(server, own)
    const found = await evidenceByCommit(own)
    expect(found.get(diff.baseCommit)).toBeNull()
    expect(found.get(oid)).toMatchObject({ valid: true })
  })

  it('is not valid once the note is another, or gone', async () => {
    const own = await readyProject(server)
    const first = await committedChange(server, own)
    const second = await committedChange(server, own)
    const identity = ['-c', 'user.name=Somebody', '-c', 'user.email=somebody@example.com']
    const notes = ['notes', '--ref=countersign']
    await gitOf(server, own, ...identity, ...notes, 'copy', '-f', second.oid, first.oid)
    expect(await evidenceOf(own, first.oid)).toMatchObject({
      valid: false,
      payload: { predicate: { diff: { id: rowId(second.diff.id) } } },
    })
    await gitOf(server, own, ...identity, ...notes, 'add', '-f', '-m', 'no envelope', first.oid)
    expect(await evidenceOf(own, first.oid)).toEqual({ valid: false, payload: {}, signature: '', keyId: '' })
    await gitOf(server, own, ...identity, ...notes, 'remove', first.oid)
    expect(await evidenceOf(own, first.oid)).toEqual({ valid: false, payload: {}, signature: '', keyId: '' })
    expect(await evidenceOf(own, second.oid)).toMatchObject({ valid: true })
  })

  it('of a page of commits takes as many statements and git processes as that of one', async () => {
    const own = await readyProject(server)
    const viewer = await authenticate(server.context.services, server.token)
    if (!viewer) throw new Error('There is no administrator.')
    let processes = 0
    const { services } = server.context
    const counting = {
      ...services,
      git: {
        ...services.git,
        async evidenceSource(id: string) {
          processes += 1
          return await services.git.evidenceSource(id)
        },
      },
    }
    const read = async () => {
      processes = 0
      const contextValue = createGraphQLContext({
        viewer,
        services: counting,
        feed: server.context.feed,
        version: 'test',
        health: async () => [],
      })
      const { result, statements } = await countQueries(async () =>
        execute({ schema, document: parse(commitsDocument), variableValues: { id: own }, contextValue }),
      )
      // biome-ignore lint/suspicious/noExplicitAny: the answer's shape is the document's
      const { data, errors } = result as any
      expect(errors).toBeUndefined()
      const valid = data.node.commits.nodes.filter((each: { evidence: ShownEvidence | null }) => each.evidence?.valid)
      return { valid: valid.length, statements: statements.length, processes }
    }
    await committedChange(server, own)
    const one = await read()
    for (let time = 0; time < 3; time += 1) await committedChange(server, own)
    expect(one).toMatchObject({ valid: 1, processes: 1 })
    expect(await read()).toEqual({ ...one, valid: 4 })
  })

  it('cannot be forged by a message that has our trailers in it', async () => {
    const content = addsFile('forged.txt', ['x'])
    for (const line of [
      `Countersign-Evidence: sha256:${'0'.repeat(64)}`,
      'countersign-diff: 1',
      '  Reviewed-By: Ada <ada@example.com>',
    ]) {
      const answer = await propose(server, projectId, { content, commitMessage: `Add it\n\n${line}` })
      expect(answer).toMatchObject({ __typename: 'ValidationError' })
      expect(answer.message).toContain('trailers')
    }
  })
})

describe('ten commits, five at once', () => {
  it('in projects of their own each have their note', async () => {
    const projects = await Promise.all(Array.from({ length: 5 }, () => readyProject(server)))
    const committed = await Promise.all(
      projects.map(async (id) => {
        const oids: string[] = []
        for (let time = 0; time < 2; time += 1) oids.push((await committedChange(server, id)).oid)
        return oids
      }),
    )
    for (const [index, id] of projects.entries()) {
      for (const oid of committed[index] ?? []) {
        expect(statementIn(await noteOf(server, id, oid)).predicate.project.id).toBe(rowId(id))
      }
    }
  })
})
