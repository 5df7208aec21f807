import { randomUUID } from 'node:crypto'
import type pg from 'pg'
import { runChild } from '../harness/child.ts'
import { type HandWritten, type Person, serveByHand } from '../harness/hand-server.ts'

/** What the benchmark gives it. */
export interface HandWrittenOptions {
  readonly databaseUrl: string
  /** Of every file: it has them in memory. */
  readonly lines: readonly string[]
}

interface CommentInput {
  readonly diffId: string
  readonly path: string
  readonly side: 'BEFORE' | 'AFTER'
  readonly line: number
  readonly text: string
}
interface Question {
  readonly key: string
  readonly question: string
  readonly rationale: string
  readonly answer: string | null
}
interface AnswerInput {
  readonly specId: string
  readonly answers: readonly { readonly key: string; readonly answer: string }[]
}

const localId = (id: string): string => {
  const text = Buffer.from(id, 'base64').toString('utf8')
  return text.slice(text.indexOf(':') + 1)
}
const globalId = (type: string, id: string): string => Buffer.from(`${type}:${id}`).toString('base64')
const refused = (code: string, message: string) => ({ __typename: 'DomainError', code, message })

const inTransaction = async <Result>(
  pool: pg.Pool,
  work: (client: pg.PoolClient) => Promise<Result>,
): Promise<Result> => {
  const client = await pool.connect()
  try {
    await client.query('begin')
    const result = await work(client)
    await client.query('commit')
    return result
  } catch (error) {
    await client.query('rollback')
    throw error
  } finally {
    client.release()
  }
}

/** Whether somebody has one of the roles on a project; with a role on all of them they have it there. */
const hasRole = async (client: pg.PoolClient, person: Person, projectId: string, roles: readonly string[]) => {
  if (person.role !== null && roles.includes(person.role)) return true
  const { rowCount } = await client.query({
    name: 'role',
    text: 'select from membership where project_id = $1 and actor_id = $2 and role = any($3)',
    values: [projectId, person.id, roles],
  })
  return rowCount === 1
}

const operationsOf =
  ({ lines }: HandWrittenOptions) =>
  (pool: pg.Pool): Readonly<Record<string, HandWritten>> => ({
    AddReviewComment: ({ diffId, path, side, line, text }: CommentInput, person) =>
      inTransaction(pool, async (client) => {
        const id = localId(diffId)
        const { rows } = await client.query({
          name: 'lock-diff',
          text: `select diff.status, diff.project_id, actor.kind, actor.name, exists (
              select from jsonb_array_elements(diff.files) file where
                case when $3 = 'BEFORE' then coalesce(file->>'previousPath', file->>'path') else file->>'path' end = $2
            ) as has_file
            from project join diff on diff.project_id = project.id join actor on actor.id = $4
            where diff.id = $1 for update of project, diff`,
          values: [id, path, side, person.id],
        })
        const [diff] = rows
        if (!diff) return { addReviewComment: refused('NOT_FOUND', 'There is no such diff.') }
        const code = lines[line - 1]
        const mayReview =
          diff.kind === 'HUMAN' && (await hasRole(client, person, diff.project_id, ['REVIEWER', 'ADMIN']))
        if (!mayReview) return { addReviewComment: refused('FORBIDDEN', 'Only a reviewer can remark.') }
        if (
          !['PROPOSED', 'EVALUATOR_APPROVED', 'EVALUATOR_REJECTED', 'HUMAN_REVIEWING', 'APPROVED'].includes(diff.status)
        ) {
          return { addReviewComment: refused('INVALID_TRANSITION', 'The diff takes no remarks.') }
        }
        if (!diff.has_file || code === undefined || text.trim() === '') {
          return { addReviewComment: refused('VALIDATION', 'There is no such line.') }
        }
        const { rowCount } = await client.query({
          name: 'add-comment',
          text: `insert into review_comment (id, diff_id, author_id, path, side, line, code, text, created_at)
            select $1, $2, $3, $4, $5, $6, $7, $8, $9
            where (select count(*) from review_comment where diff_id = $2 and author_id = $3 and review_id is null) < 500`,
          values: [randomUUID(), id, person.id, path, side, line, code, text, new Date()],
        })
        if (rowCount === 0) return { addReviewComment: refused('VALIDATION', 'There are 500 drafts already.') }
        const author = { id: globalId('Actor', person.id), name: diff.name }
        return {
          addReviewComment: { __typename: 'ReviewComment', path, side, line, code, text, draft: true, author },
        }
      }),
    AnswerInterview: ({ specId, answers }: AnswerInput, person) =>
      inTransaction(pool, async (client) => {
        const id = localId(specId)
        const { rows } = await client.query({
          name: 'lock-spec',
          text: 'select project_id, title, status, interview_status, questions from spec where id = $1 for update',
          values: [id],
        })
        const [spec] = rows
        if (!spec || !(await hasRole(client, person, spec.project_id, ['AUTHOR', 'REVIEWER', 'ADMIN']))) {
          return { answerInterview: refused('NOT_FOUND', 'There is no such spec.') }
        }
        if (spec.interview_status !== 'NEEDS_ANSWERS') {
          return { answerInterview: refused('INVALID_TRANSITION', 'It takes no answers.') }
        }
        const given = new Map(answers.map(({ key, answer }) => [key, answer]))
        const known = new Set(spec.questions.map(({ key }: Question) => key))
        if (given.size < answers.length || answers.some(({ key, answer }) => !known.has(key) || answer.trim() === '')) {
          return { answerInterview: refused('VALIDATION', 'There is no such question.') }
        }
        const questions: readonly Question[] = spec.questions.map((question: Question) => ({
          ...question,
          answer: given.get(question.key) ?? question.answer,
        }))
        const isDone = questions.every(({ answer }) => answer !== null)
        const status = isDone ? 'VALIDATED' : spec.status
        const interview = isDone ? 'ANSWERED' : 'NEEDS_ANSWERS'
        await client.query({
          name: 'answer',
          text: 'update spec set questions = $2, status = $3, interview_status = $4 where id = $1',
          values: [id, JSON.stringify(questions), status, interview],
        })
        await client.query({
          name: 'event',
          text: 'insert into event (at, project_id, spec_id, body) values ($1, $2, $3, $4)',
          values: [new Date(), spec.project_id, id, { type: 'InterviewChanged', specId: id, status: interview }],
        })
        const shown = questions.map(({ key, question, answer }) => ({ key, question, answer }))
        return {
          answerInterview: {
            __typename: 'Spec',
            id: specId,
            title: spec.title,
            status,
            interview: { status: interview, questions: shown },
          },
        }
      }),
  })

await runChild((options: HandWrittenOptions) => serveByHand(options.databaseUrl, operationsOf(options)))
