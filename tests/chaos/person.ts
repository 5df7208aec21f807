import { setTimeout as delay } from 'node:timers/promises'
import type { Crew } from './crew.ts'
import { taskOf, type Unit } from './providers.ts'
import type { Subscriber } from './subscriber.ts'

/** Who works with the API, and asks again when it was not there. */
export interface Person {
  /** One request. A server that is away, or whose database is, is asked again. @throws Error when it stays so */
  // biome-ignore lint/suspicious/noExplicitAny: whoever asks knows the shape of what they asked for
  ask(document: string, variables: object): Promise<any>
  /** A project to work in. @returns its global id */
  openProject(name: string): Promise<string>
  /** What each unit that is worked on was last seen to be. */
  readonly states: ReadonlyMap<string, string>
  /** Works on a unit to its end. @returns what it has come to, without what differs from one unit to the next */
  finish(unit: Unit, projectId: string): Promise<string>
}

// With 48 units at once on two cores, tests that are killed again and again have waited for over four minutes.
const patienceMs = 900_000

const diffFields = `id status iteration contentHash commitMessage files { path kind } safety { evaluationHash }
  latestTestRun { status } commit { message }`

const projectQuery = `query ($id: ID!) { node(id: $id) { ... on Project { status failure } } }`

const specQuery = `query ($id: ID!) { node(id: $id) { ... on Spec {
  status interview { status failure questions { key answer } }
} } }`

const sprintQuery = `query ($id: ID!) { node(id: $id) { ... on Sprint {
  status failure plan
  phases { kind attempt status runs {
    status candidates { label status output toolCalls { name isError } }
    decision { method selected { label } } errors { code }
  } }
  diff { ${diffFields} }
} } }`

const sessionQuery = `query ($id: ID!) { node(id: $id) { ... on Session {
  busy
  messages { nodes { role iteration text status failure toolCalls { name isError } } }
  diffs { nodes { ${diffFields} } }
} } }`

const created = (type: string, field: string, input: string) =>
  `mutation ($input: ${input}!) { made: ${field}(input: $input) { __typename ... on ${type} { id } ... on DomainError { message } } }`

const createProject = created('Project', 'createProject', 'CreateProjectInput')
const createTestCase = created('TestCase', 'createTestCase', 'CreateTestCaseInput')
const createSpec = created('Spec', 'createSpec', 'CreateSpecInput')
const createSprint = created('Sprint', 'createSprint', 'CreateSprintInput')
const createSession = created('Session', 'createSession', 'CreateSessionInput')

/** A change of what is there already, which may have happened although the answer did not come. */
const change = (signature: string, call: string) =>
  `mutation (${signature}) { made: ${call} { __typename ... on DomainError { message } } }`

const answerInterview = change(
  '$id: ID!, $answers: [InterviewAnswerInput!]!',
  'answerInterview(specId: $id, answers: $answers)',
)
const startSprint = change('$id: ID!', 'startSprint(id: $id)')
const sendMessage = change(
  '$id: ID!, $text: String!, $clientMutationId: String!',
  'sendMessage(sessionId: $id, text: $text, clientMutationId: $clientMutationId)',
)
const reviewDiff = change(
  '$id: ID!, $verdict: ReviewVerdict!, $content: String!, $evaluation: String!, $feedback: String',
  'reviewDiff(diffId: $id, verdict: $verdict, contentHash: $content, evaluationHash: $evaluation, feedback: $feedback)',
)
const commitDiff = change('$id: ID!', 'commitDiff(diffId: $id)')

interface ShownDiff {
  readonly id: string
  readonly status: string
  readonly contentHash: string
  readonly safety: { readonly evaluationHash: string }
  readonly latestTestRun: { readonly status: string } | null
}

const isOpen = ({ status }: ShownDiff) => ['PROPOSED', 'EVALUATOR_APPROVED', 'HUMAN_REVIEWING'].includes(status)

/** What people are shown at the end, without ids and hashes, and with one name for all units. */
const withoutNames = (shown: unknown, unit: Unit): string =>
  JSON.stringify(shown, (name, value) => (['id', 'contentHash', 'evaluationHash'].includes(name) ? undefined : value))
    .replaceAll(unit.key, 'unit')
    .replace(/(Countersign|Reviewed|Evidence)[\w-]*: [^"\\]*/g, '$1')

export const createPerson = (crew: Pick<Crew, 'api'>, subscriber: Subscriber): Person => {
  const ask: Person['ask'] = async (query, variables) => {
    const givesUpAt = Date.now() + patienceMs
    for (;;) {
      try {
        const { url, token } = await crew.api()
        const response = await fetch(`${url}/graphql`, {
          method: 'POST',
          headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
          body: JSON.stringify({ query, variables }),
          // A server that stopped itself answers when it goes on; nobody waits for that.
          signal: AbortSignal.timeout(20_000),
        })
        const { data, errors } = (await response.json()) as { data: unknown; errors?: { message: string }[] }
        if (errors) throw new Error(errors.map(({ message }) => message).join('; '))
        return data
      } catch (error) {
        if (Date.now() > givesUpAt) throw error
        await delay(200)
      }
    }
  }

  const make = async (document: string, input: object): Promise<string> => {
    const { made } = await ask(document, { input })
    if (made.id === undefined) throw new Error(`${made.__typename}: ${made.message}`)
    return made.id
  }

  const states = new Map<string, string>()

  /** Reads, does what `react` does about it, and waits for something to happen, until it says that it is done. */
  const follow = async <State>(
    projectId: string,
    unit: string,
    read: () => Promise<State>,
    react: (state: State) => Promise<'done' | 'wait' | 'again'>,
  ): Promise<State> => {
    let givesUpAt = Date.now() + patienceMs
    let before = subscriber.count(projectId)
    for (;;) {
      const state = await read()
      states.set(unit, JSON.stringify(state))
      const next = await react(state)
      if (next === 'done') {
        states.delete(unit)
        return state
      }
      if (next === 'wait') await subscriber.next(projectId, before)
      else await delay(20)
      const now = subscriber.count(projectId)
      if (now > before) givesUpAt = Date.now() + patienceMs
      before = now
      if (Date.now() > givesUpAt) throw new Error(`${unit} goes no further: ${JSON.stringify(state)}`)
    }
  }

  const openProject: Person['openProject'] = async (name) => {
    const id = await make(createProject, { name, source: { empty: true }, clientMutationId: name })
    await follow(
      id,
      name,
      async () => (await ask(projectQuery, { id })).node,
      async ({ status, failure }) => {
        if (status === 'FAILED') throw new Error(`${name}: ${failure}`)
        // A project has no event of its own.
        await delay(50)
        return status === 'READY' ? 'done' : 'again'
      },
    )
    await make(createTestCase, { projectId: id, name: 'passes', command: ['true'], clientMutationId: `${name} test` })
    return id
  }

  /** Puts a diff through its review as the unit's kind has it, once its tests have ended. */
  const countersign = async (
    diff: ShownDiff,
    verdict: 'APPROVE' | 'REJECT',
    feedback?: string,
  ): Promise<'done' | 'wait' | 'again'> => {
    const { id, status, contentHash, safety, latestTestRun } = diff
    if (status === 'COMMITTED' || status === 'HUMAN_REJECTED') return 'done'
    if (!latestTestRun || ['QUEUED', 'RUNNING'].includes(latestTestRun.status)) return 'wait'
    if (isOpen(diff)) {
      await ask(reviewDiff, { id, verdict, content: contentHash, evaluation: safety.evaluationHash, feedback })
    } else if (status === 'APPROVED') await ask(commitDiff, { id })
    return 'again'
  }

  const finishSprint = async (unit: Unit, projectId: string): Promise<unknown> => {
    const { key } = unit
    const mode = unit.kind === 'plain' ? 'STUB' : 'SINGLE'
    const task = taskOf(unit)
    const specId = await make(createSpec, { projectId, task, mode, clientMutationId: key, maxQuestions: 1 })
    await follow(
      projectId,
      key,
      async () => (await ask(specQuery, { id: specId })).node,
      async ({ status, interview }) => {
        if (interview.status === 'FAILED') throw new Error(`${key}: ${interview.failure}`)
        if (interview.status === 'NEEDS_ANSWERS') {
          const answers = interview.questions.map((question: { key: string }) => ({
            key: question.key,
            answer: 'Any.',
          }))
          await ask(answerInterview, { id: specId, answers })
          return 'again'
        }
        return status === 'VALIDATED' ? 'done' : 'wait'
      },
    )
    const subagents = [{ provider: 'OPENAI' }, ...(unit.kind === 'two candidates' ? [{ provider: 'ANTHROPIC' }] : [])]
    const id = await make(createSprint, { specId, name: key, subagents, deadlineSeconds: 3_000, clientMutationId: key })
    const verdict = unit.kind === 'turned down' ? 'REJECT' : 'APPROVE'
    return follow(
      projectId,
      key,
      async () => (await ask(sprintQuery, { id })).node,
      async ({ status, diff }) => {
        if (status === 'PLANNED') await ask(startSprint, { id })
        else if (status === 'FAILED') return 'done'
        else if (status === 'COMPLETED' && diff) return countersign(diff, verdict)
        else return 'wait'
        return 'again'
      },
    )
  }

  const finishSession = async (unit: Unit, projectId: string): Promise<unknown> => {
    const { key, kind } = unit
    const id = await make(createSession, { projectId, title: key, clientMutationId: key })
    await ask(sendMessage, { id, text: taskOf(unit), clientMutationId: key })
    return follow(
      projectId,
      key,
      async () => (await ask(sessionQuery, { id })).node,
      async ({ busy, diffs }) => {
        const shown: ShownDiff[] = diffs.nodes
        if (busy || shown.length === 0) return 'wait'
        const last = shown.find(({ status }) => status !== 'SUPERSEDED' && status !== 'HUMAN_REJECTED')
        const wasRejected = shown.some(({ status }) => status === 'HUMAN_REJECTED')
        if (!last) return 'wait'
        const rejects = kind === 'turned down once' && !wasRejected
        return rejects ? countersign(last, 'REJECT', 'A third word, please.') : countersign(last, 'APPROVE')
      },
    )
  }

  return {
    ask,
    states,
    openProject,
    async finish(unit, projectId) {
      const shown = await (unit.type === 'sprint' ? finishSprint(unit, projectId) : finishSession(unit, projectId))
      return withoutNames(shown, unit)
    },
  }
}
