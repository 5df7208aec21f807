import { z } from 'zod'
import type { Viewer } from '../actor/viewer.ts'
import { InvalidTransitionError, ValidationError } from '../errors.ts'
import type { Services } from '../shared/services.ts'
import { transact } from '../shared/transact.ts'
import { prose, validate } from '../shared/validate.ts'
import { findSpec } from './find-spec.ts'
import { toInterviewStatus, toSpecStatus } from './spec.status.ts'

const input = z.object({
  specId: z.uuid(),
  answers: z
    .array(z.object({ key: z.string().max(100), answer: prose(20_000) }))
    .min(1, 'must not be empty')
    .max(100),
})
export type AnswerInterviewInput = z.input<typeof input>

/**
 * Keeps answers, partial ones too; when every question has one, the spec is VALIDATED.
 * @throws NotFoundError, ForbiddenError, ValidationError, InvalidTransitionError
 */
export const answerInterview = async (
  services: Services,
  viewer: Viewer,
  given: AnswerInterviewInput,
): Promise<string> => {
  const { specId, answers } = validate(input, given)
  return transact(services, async (tx) => {
    const spec = await findSpec(tx, viewer, specId, 'AUTHOR')
    if (spec.interviewStatus !== 'NEEDS_ANSWERS') {
      throw new InvalidTransitionError(
        'interview',
        spec.interviewStatus,
        'ANSWERED',
        'Only an interview that needs answers takes them.',
      )
    }
    const keys = spec.questions.map((question) => question.key)
    const faults = answers.flatMap(({ key }, index) => {
      const path = ['answers', String(index), 'key']
      if (!keys.includes(key)) return [{ path, message: `no question has this key; there are ${keys.join(', ')}` }]
      const isFirst = answers.findIndex((answer) => answer.key === key) === index
      return isFirst ? [] : [{ path, message: 'is answered twice' }]
    })
    if (faults.length > 0) throw new ValidationError(faults)
    const byKey = new Map(answers.map(({ key, answer }) => [key, answer]))
    spec.questions = spec.questions.map((question) => ({
      ...question,
      answer: byKey.get(question.key) ?? question.answer,
    }))
    if (spec.questions.every((question) => question.answer !== null)) {
      spec.interviewStatus = toInterviewStatus(spec.interviewStatus, 'ANSWERED')
      spec.status = toSpecStatus(spec.status, 'VALIDATED')
    }
    tx.emit({ projectId: spec.projectId, specId }, { type: 'InterviewChanged', specId, status: spec.interviewStatus })
    return specId
  })
}
