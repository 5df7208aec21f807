import { z } from 'zod'
import type { Viewer } from '../actor/viewer.ts'
import { InvalidTransitionError, ValidationError } from '../errors.ts'
import { runStatement } from '../shared/run-statement.ts'
import type { Services } from '../shared/services.ts'
import { withNext } from '../shared/statement-marks.ts'
import { type Transaction, transact } from '../shared/transact.ts'
import { prose, validate } from '../shared/validate.ts'
import { lockSpec } from './find-spec.ts'
import type { SpecRow } from './spec.entity.ts'
import { toInterviewStatus, toSpecStatus } from './spec.status.ts'

const input = z.object({
  specId: z.uuid(),
  answers: z
    .array(z.object({ key: z.string().max(100), answer: prose(20_000) }))
    .min(1, 'must not be empty')
    .max(100),
})
export type AnswerInterviewInput = z.input<typeof input>

const updateStatement = `${withNext('answer-spec')}
  update spec set questions = $2::jsonb, status = $3, interview_status = $4 where id = $1::uuid`

const update = async (tx: Transaction, { id, questions, status, interviewStatus }: SpecRow): Promise<void> => {
  await runStatement(tx.em, updateStatement, [id, JSON.stringify(questions), status, interviewStatus])
}

/** The spec with these answers, VALIDATED once there are no questions left. */
const withAnswers = (spec: SpecRow, answers: z.output<typeof input>['answers']): SpecRow => {
  const keys = spec.questions.map((question) => question.key)
  const faults = answers.flatMap(({ key }, index) => {
    const path = ['answers', String(index), 'key']
    if (!keys.includes(key)) return [{ path, message: `no question has this key; there are ${keys.join(', ')}` }]
    const isFirst = answers.findIndex((answer) => answer.key === key) === index
    return isFirst ? [] : [{ path, message: 'is answered twice' }]
  })
  if (faults.length > 0) throw new ValidationError(faults)
  const byKey = new Map(answers.map(({ key, answer }) => [key, answer]))
  const questions = spec.questions.map((question) => ({
    ...question,
    answer: byKey.get(question.key) ?? question.answer,
  }))
  if (questions.some((question) => question.answer === null)) return { ...spec, questions }
  return {
    ...spec,
    questions,
    interviewStatus: toInterviewStatus(spec.interviewStatus, 'ANSWERED'),
    status: toSpecStatus(spec.status, 'VALIDATED'),
  }
}

/**
 * Keeps answers, partial ones too; when every question has one, the spec is VALIDATED.
 * @returns the spec as it is then
 * @throws NotFoundError, ForbiddenError, ValidationError, InvalidTransitionError
 */
export const answerInterview = async (
  services: Services,
  viewer: Viewer,
  given: AnswerInterviewInput,
): Promise<SpecRow> => {
  const { specId, answers } = validate(input, given)
  return transact(services, async (tx) => {
    const spec = await lockSpec(tx, viewer, specId, 'AUTHOR')
    if (spec.interviewStatus !== 'NEEDS_ANSWERS') {
      throw new InvalidTransitionError(
        'interview',
        spec.interviewStatus,
        'ANSWERED',
        'Only an interview that needs answers takes them.',
      )
    }
    const answered = withAnswers(spec, answers)
    await update(tx, answered)
    const status = answered.interviewStatus
    tx.emit({ projectId: spec.projectId, specId }, { type: 'InterviewChanged', specId, status })
    return answered
  })
}
