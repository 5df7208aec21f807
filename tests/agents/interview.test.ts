import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { rows } from '../../src/domain/shared/database.ts'
import { askedSpec, interviewedSpec, settledInterview, specQuery } from '../factories/agents.ts'
import {
  answersJson,
  answersStatus,
  asks,
  assessment,
  byProvider,
  createCast,
  createMeeting,
  question,
  refuses,
  says,
} from '../factories/cast.ts'
import { readyProject, rowId } from '../factories/pipeline.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

const cast = createCast()
let server: TestServer
let projectId: string
beforeAll(async () => {
  server = await startTestServer({ overrides: { rehearsalOptions: cast.rehearsalOptions, retry: { baseDelayMs: 1 } } })
  projectId = await readyProject(server)
})
afterAll(() => server[Symbol.asyncDispose]())

const interview = async (task: string, input: object = {}) => {
  const id = await askedSpec(server, projectId, task, input)
  return { id, ...(await interviewedSpec(server, id, settledInterview)) }
}

const answer = async (id: string, answers: readonly { key: string; answer: string }[]) => {
  const { answerInterview } = await server.query(
    `mutation ($id: ID!, $answers: [InterviewAnswerInput!]!) { answerInterview(specId: $id, answers: $answers) {
      __typename
      ... on Spec { status interview { status questions { key answer } } }
      ... on ValidationError { fieldErrors { path message } }
      ... on InvalidTransitionError { from to }
    } }`,
    { id, answers },
  )
  return answerInterview
}

const chooses = (questions: readonly { label: string; key: string }[], selected = 'A') =>
  answersJson({
    selected,
    questions,
    rationale: 'They change the work most.',
    scores: [
      { label: 'A', score: 0.6, reason: 'good' },
      { label: 'B', score: 0.7, reason: 'better' },
    ],
  })

describe('two interviewers', () => {
  it.concurrent('are asked at the same time: neither is answered before both have arrived', async () => {
    const meet = createMeeting(2)
    const task = cast.task('Ask both.', { interviewer: meet })
    expect(await interview(task)).toMatchObject({
      status: 'VALIDATED',
      interview: {
        status: 'ANSWERED',
        mode: 'DUAL_SUBAGENT',
        questions: [],
        errors: [],
        candidates: [
          { label: 'A', provider: 'OPENAI', status: 'COMPLETED', rehearsal: true },
          { label: 'B', provider: 'ANTHROPIC', status: 'COMPLETED', rehearsal: true },
        ],
      },
    })
    expect(cast.calls(task, 'interviewer')).toHaveLength(2)
  })

  it.concurrent('are merged by the judge, who is shown both, within the limit and without a question twice', async () => {
    const task = cast.task('Merge.', {
      interviewer: byProvider({ OPENAI: () => asks('colour', 'size'), ANTHROPIC: () => asks('size', 'weight') }),
      'interview judge': () =>
        chooses(
          [
            { label: 'B', key: 'weight' },
            { label: 'B', key: 'weight' },
            { label: 'A', key: 'size' },
            { label: 'B', key: 'size' },
            { label: 'A', key: 'nobody_asked_this' },
            { label: 'A', key: 'colour' },
          ],
          'B',
        ),
    })
    const spec = await interview(task, { maxQuestions: 2 })
    expect(spec.interview.questions.map(({ key }: { key: string }) => key)).toEqual(['weight', 'size'])
    expect(spec.interview.decision).toMatchObject({
      method: 'JUDGE',
      merged: true,
      provider: 'OPENAI',
      failure: null,
      selected: { label: 'B' },
      scores: [
        { score: 0.6, candidate: { label: 'A' } },
        { score: 0.7, candidate: { label: 'B' } },
      ],
    })
    expect(JSON.stringify(cast.calls(task, 'interview judge')[0]?.body)).toContain('What about weight?')
  })

  it.concurrent('are asked once though both interviewers ask it in the same words, under keys of their own', async () => {
    const ask = (key: string, text: string) =>
      answersJson({ questions: [{ key, question: text, rationale: 'It matters.' }], assessment })
    const task = cast.task('Same words.', {
      interviewer: byProvider({
        OPENAI: () => ask('paint', 'Which colour, please?'),
        ANTHROPIC: () => ask('hue', 'which  COLOUR -- please'),
      }),
      'interview judge': () =>
        chooses([
          { label: 'B', key: 'hue' },
          { label: 'A', key: 'paint' },
        ]),
    })
    const spec = await interview(task)
    expect(spec.interview.questions.map(({ key }: { key: string }) => key)).toEqual(['hue'])
    expect(spec.interview.decision.merged).toBe(false)
  })

  it.concurrent('are all asked when the interviewers gave one key to different questions, each under a key of its own', async () => {
    const ask = (text: string) =>
      answersJson({ questions: [{ key: 'scope', question: text, rationale: 'It matters.' }], assessment })
    const task = cast.task('One key for two.', {
      interviewer: byProvider({ OPENAI: () => ask('Which module?'), ANTHROPIC: () => ask('Which operating system?') }),
      'interview judge': () =>
        chooses([
          { label: 'A', key: 'scope' },
          { label: 'B', key: 'scope' },
          { label: 'A', key: 'scope' },
        ]),
    })
    const { questions, decision } = (await interview(task)).interview
    expect(questions).toMatchObject([
      { key: 'scope', question: 'Which module?' },
      { key: 'scope_2', question: 'Which operating system?' },
    ])
    expect(decision.merged).toBe(true)
  })

  it.concurrent('with one of them down: the other serves, and what went wrong is recorded', async () => {
    const task = cast.task('One is down.', {
      interviewer: byProvider({ OPENAI: () => answersStatus(401), ANTHROPIC: () => asks('size') }),
    })
    const spec = await interview(task)
    expect(spec.interview).toMatchObject({
      status: 'NEEDS_ANSWERS',
      mode: 'DUAL_SUBAGENT',
      questions: [{ key: 'size', answer: null }],
      decision: { method: 'ONLY_CANDIDATE', provider: null, selected: { label: 'B' } },
      errors: [{ provider: 'OPENAI', code: 'unauthorized', retryable: false }],
    })
    expect(spec.interview.errors[0].message).toContain('401')
    expect(cast.calls(task, 'interview judge')).toHaveLength(0)
  })

  it.concurrent('both down: FAILED with both reasons, and retryInterview asks both again', async () => {
    let up = false
    const task = cast.task('All are down.', {
      interviewer: (call) =>
        up ? undefined : call.provider === 'OPENAI' ? answersStatus(529) : refuses('I will not ask about this.'),
    })
    const failed = await interview(task)
    expect(failed.interview).toMatchObject({ status: 'FAILED', questions: [], decision: null })
    expect(failed.interview.failure).toMatch(/A \(OPENAI\): .*529.*\nB \(ANTHROPIC\): I will not ask about this\./)
    expect(failed.interview.errors.map(({ code, retryable }: never) => [code, retryable])).toEqual([
      ['overloaded', true],
      ['refused', false],
    ])
    up = true
    const retry = `mutation ($id: ID!) { retryInterview(specId: $id) {
      __typename ... on Spec { interview { status failure } } ... on InvalidTransitionError { from to }
    } }`
    const { retryInterview } = await server.query(retry, { id: failed.id })
    expect(retryInterview.__typename).toBe('Spec')
    expect(await interviewedSpec(server, failed.id, ['ANSWERED'])).toMatchObject({
      status: 'VALIDATED',
      interview: { status: 'ANSWERED', failure: null, errors: [] },
    })
    expect((await server.query(retry, { id: failed.id })).retryInterview).toEqual({
      __typename: 'InvalidTransitionError',
      from: 'ANSWERED',
      to: 'QUEUED',
    })
  })

  it.concurrent.each([
    ['is down', answersStatus(400), '400'],
    ['answers in prose', says('A is nicer.'), 'not the interview_decision'],
    ['selects a label that does not exist', chooses([{ label: 'A', key: 'size' }], 'Z'), 'Z, which is no candidate'],
    ['chooses questions that nobody proposed', chooses([{ label: 'A', key: 'invented' }]), 'nobody proposed'],
    [
      'gives scores outside of 0 to 1',
      answersJson({ selected: 'A', questions: [], rationale: '', scores: [{ label: 'A', score: 1e308, reason: '' }] }),
      'not the interview_decision',
    ],
  ])("and a judge that %s: the first one's questions, as a FALLBACK with the failure", async (_, judged, failure) => {
    const task = cast.task('The judge fails.', {
      interviewer: byProvider({ OPENAI: () => asks('size'), ANTHROPIC: () => asks('weight') }),
      'interview judge': () => judged,
    })
    const { decision, questions } = (await interview(task)).interview
    expect(decision).toMatchObject({ method: 'FALLBACK', provider: 'OPENAI', selected: { label: 'A' }, merged: false })
    expect(decision.failure).toContain(failure)
    expect(questions.map(({ key }: { key: string }) => key)).toEqual(['size'])
  })
})

describe('questions', () => {
  it.concurrent('are cut to maxQuestions when the model gives more, and keep the first of two with the same key', async () => {
    const twice = { ...question('size'), question: 'Again: what about size?' }
    const proposed = [question('size'), twice, ...Array.from({ length: 30 }, (_, index) => question(`key_${index}`))]
    const task = cast.task('Too many questions.', {
      interviewer: () => answersJson({ questions: proposed, assessment }),
    })
    const { questions } = (await interview(task, { mode: 'SINGLE', maxQuestions: 3 })).interview
    expect(questions).toEqual([
      { key: 'size', question: 'What about size?', answer: null },
      { key: 'key_0', question: 'What about key_0?', answer: null },
      { key: 'key_1', question: 'What about key_1?', answer: null },
    ])
    expect(JSON.stringify(cast.calls(task)[0]?.body)).toContain('Ask at most 3 questions.')
  })

  it.concurrent('of the wrong shape are a failure of the provider, not questions', async () => {
    const task = cast.task('Wrong shape.', {
      interviewer: () => answersJson({ questions: [question('Not A Key!')], assessment }),
    })
    const spec = await interview(task, { mode: 'SINGLE' })
    expect(spec.interview).toMatchObject({ status: 'FAILED', errors: [{ code: 'malformed_answer', retryable: false }] })
  })

  it.concurrent('keep NUL and broken surrogates of a model out of the database, also in the names of members', async () => {
    const hostile = { ...question('size'), question: 'Size\u0000 or \ud800?' }
    const task = cast.task('Hostile text.', {
      interviewer: () => answersJson({ questions: [hostile], assessment }),
    })
    const { questions } = (await interview(task, { mode: 'SINGLE' })).interview
    expect(questions[0].question).toBe('Size\ufffd or \ufffd?')
  })

  it.concurrent('in SINGLE mode are asked of one provider, without a judge', async () => {
    const task = cast.task('Single.', { interviewer: () => asks('size') })
    expect((await interview(task, { mode: 'SINGLE' })).interview).toMatchObject({
      mode: 'SINGLE',
      candidates: [{ label: 'A', provider: 'OPENAI' }],
      decision: { method: 'ONLY_CANDIDATE' },
    })
    expect(cast.calls(task)).toHaveLength(1)
  })

  it.concurrent('in STUB mode come without any model call', async () => {
    const task = cast.task('Stub.')
    const id = await askedSpec(server, projectId, task, { mode: 'STUB', maxQuestions: 1 })
    const { node } = await server.query(specQuery, { id })
    expect(node.interview).toMatchObject({ status: 'NEEDS_ANSWERS', mode: 'STUB', questions: [{ key: 'goal' }] })
    expect(await answer(id, [{ key: 'goal', answer: 'It works.' }])).toMatchObject({ status: 'VALIDATED' })
    expect(cast.calls(task)).toHaveLength(0)
    const runs = rows(server.context.services.em()).selectFrom('AgentRun').select('id').where('specId', '=', rowId(id))
    expect(await runs.execute()).toEqual([])
  })
})

describe('answers', () => {
  it.concurrent('are kept in part; the last one validates the spec, and then no more are taken', async () => {
    const { id } = await interview(cast.task('Answers.', { interviewer: () => asks('size', 'weight') }), {
      mode: 'SINGLE',
    })
    expect(await answer(id, [{ key: 'weight', answer: 'Light.' }])).toEqual({
      __typename: 'Spec',
      status: 'DRAFT',
      interview: {
        status: 'NEEDS_ANSWERS',
        questions: [
          { key: 'size', answer: null },
          { key: 'weight', answer: 'Light.' },
        ],
      },
    })
    const { startSprint } = await startUnanswered(id)
    expect(startSprint).toMatchObject({ __typename: 'InvalidTransitionError', from: 'DRAFT' })
    expect(await answer(id, [{ key: 'size', answer: 'Small.' }])).toMatchObject({
      status: 'VALIDATED',
      interview: { status: 'ANSWERED' },
    })
    expect(await answer(id, [{ key: 'size', answer: 'Large.' }])).toEqual({
      __typename: 'InvalidTransitionError',
      from: 'ANSWERED',
      to: 'ANSWERED',
    })
  })

  it.concurrent.each([
    [
      'of unknown keys',
      [
        { key: 'size', answer: 'Small.' },
        { key: 'colour', answer: 'Red.' },
      ],
      ['answers', '1', 'key'],
    ],
    ['with nothing in them', [{ key: 'size', answer: ' \n' }], ['answers', '0', 'answer']],
    [
      'to one question twice',
      [
        { key: 'size', answer: 'Small.' },
        { key: 'size', answer: 'Large.' },
      ],
      ['answers', '1', 'key'],
    ],
  ])('%s are refused, and nothing of them is kept', async (_, answers, path) => {
    const { id } = await interview(cast.task('Refused answers.', { interviewer: () => asks('size') }), {
      mode: 'SINGLE',
    })
    const refused = await answer(id, answers)
    expect(refused).toMatchObject({ __typename: 'ValidationError', fieldErrors: [{ path }] })
    const { node } = await server.query(specQuery, { id })
    expect(node.interview.questions[0].answer).toBeNull()
  })
})

const startUnanswered = async (specId: string) => {
  const { createSprint } = await server.query(
    'mutation ($input: CreateSprintInput!) { createSprint(input: $input) { ... on Sprint { id } } }',
    { input: { specId, name: 'too early' } },
  )
  return server.query(
    'mutation ($id: ID!) { startSprint(id: $id) { __typename ... on InvalidTransitionError { from to message } } }',
    { id: createSprint.id },
  )
}
