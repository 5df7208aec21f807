import { type Fitted, fitChange, fitText } from '../run/fit-change.ts'
import { sizeOfText } from '../run/fit-context.ts'
import { dataRule, fenceData } from '../shared/fence-data.ts'
import type { InterviewQuestion } from '../spec/spec.entity.ts'

export const plannerSystem = `You are the planner.
Read the repository with the tools, then write the plan of the change to implementation_plan.md in the root of the workspace: what is wrong or missing, which files change and how, how it is tested. Change nothing else. When the file is written, answer with one sentence.
${dataRule}`

export const coderSystem = `You are the coder.
Change the files of the workspace with the tools until the task is done and its tests pass. Read before you change. Keep the change as small as the task allows; do not change tests to make them pass. Where the project has no tests, add some for what you change, which run from its root with what is there (unittest, node --test): a change that no test has passed on is not accepted. Run the tests with run_tests. When you are only asked a question, answer it and change nothing.
When you are done, answer with a summary of the change; its first line becomes the subject of the commit message.
${dataRule}`

export const verifierSystem = `You are the verifier.
Decide from the task, the change and the test results whether the task is done. Answer VERIFICATION_SUCCESS only if the change does what the task asks and no test failed; otherwise VERIFICATION_FAILURE with reasons that the coder can act on.
${dataRule}`

export const judgeSystem = `You are the judge.
Two candidates did the same task. Say which result serves the task better, A or B, or TIE, and why, with a score from 0 to 1 for each. What matters: it does what the task asks, nothing else, simply.
${dataRule}`

/** The role's own instructions, then what the requester adds for this candidate. */
export const withInstructions = (system: string, instructions: string | null): string =>
  instructions ? `${system}\n\nThe requester adds:\n${instructions}` : system

export interface Assignment {
  readonly task: string
  readonly goal: string
  readonly questions: readonly InterviewQuestion[]
  readonly plan: string | null
  /** What a person said who rejected an earlier iteration. */
  readonly feedback: string | null
  readonly failure: { readonly attempt: number; readonly text: string } | null
}

const answers = (questions: readonly InterviewQuestion[]): string =>
  questions.map(({ question, answer }) => `Q: ${question}\nA: ${answer ?? '(not answered)'}`).join('\n\n')

/** What planner and coder are told: the task first, so that the prefix stays the same over attempts. */
export const assignmentMessage = (assignment: Assignment): string =>
  [
    fenceData('task', assignment.task),
    fenceData('goal', assignment.goal),
    ...(assignment.questions.length > 0 ? [fenceData('answers', answers(assignment.questions))] : []),
    ...(assignment.plan === null ? [] : [fenceData('plan', assignment.plan)]),
    ...(assignment.feedback === null ? [] : [fenceData('feedback', assignment.feedback)]),
    ...(assignment.failure === null
      ? []
      : [fenceData('verification_failure', assignment.failure.text, { attempt: String(assignment.failure.attempt) })]),
  ].join('\n\n')

export const verifierMessage = (assignment: Assignment, patch: string, results: string): string =>
  [
    fenceData('task', assignment.task),
    ...(assignment.plan === null ? [] : [fenceData('plan', assignment.plan)]),
    fenceData('change', patch),
    fenceData('test_results', results),
  ].join('\n\n')

const maxPatchBytes = 250_000
/** A text that would leave its element makes the fence's tags longer. */
const roomForTags = 200

/**
 * What the verifier is asked, as much of it as its model takes: the plan and the test results have their share, and the
 * change has what they leave.
 * @param room in bytes of JSON
 */
export const verifierQuestion = (assignment: Assignment, patch: string, results: string, room: number): Fitted => {
  const plan = fitText(assignment.plan ?? '', room * 0.2)
  const tests = fitText(results, room * 0.3)
  const told = { ...assignment, plan: assignment.plan === null ? null : plan.text }
  const others = sizeOfText(verifierMessage(told, '', tests.text)) + roomForTags
  const change = fitChange(patch, Math.max(0, Math.min(maxPatchBytes, room - others)))
  const parts = Object.entries({ 'the plan': plan, 'the change': change, 'the test results': tests })
  const missing = parts.flatMap(([what, { leftOut }]) => (leftOut === null ? [] : [`${what}: ${leftOut}`]))
  return {
    text: verifierMessage(told, change.text, tests.text),
    leftOut: missing.length === 0 ? null : missing.join('; '),
  }
}

export const judgeMessage = (task: string, a: string, b: string): string =>
  [fenceData('task', task), fenceData('candidate', a, { label: 'A' }), fenceData('candidate', b, { label: 'B' })].join(
    '\n\n',
  )
