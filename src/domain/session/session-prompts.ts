import type { ModelAnswer } from '../ports/model-provider.ts'
import { type Fitted, fitChange, fitText } from '../run/fit-change.ts'
import { sizeOfText } from '../run/fit-context.ts'
import type { SafetyReport } from '../safety/evaluate-change.ts'
import { dataRule, fenceData } from '../shared/fence-data.ts'
import { cut } from '../shared/safe-text.ts'
import type { Verdict } from './message.entity.ts'
import type { SessionTurnRow } from './session-turn.entity.ts'
import { maxRounds } from './turn-scope.ts'

/** What the coder and the evaluator of a session are told. */

export const coderSystem = `You are the coder.
You talk with a requester about the repository in your workspace. What they say to you is in <task> elements, and what they say about single lines of a change in <remark> elements, each after its line; the newest ones are what you answer now.
If it asks a question, read what you need with the tools and answer in words. If it asks for a change, make it and submit it with submit_patch: either edit the workspace with the tools, run the tests with run_tests and submit it with patch null, or give the whole change as one patch. Read before you change. Keep the change as small as the task allows; do not change tests to make them pass.
An evaluator judges what you submit. When it rejects a change, its reasons come in an <evaluation> element: mend the change and submit it again; you have at most ${maxRounds} rounds. After that a person decides. You cannot approve or commit anything.
${dataRule}`

export const evaluatorSystem = `You are the evaluator.
A coder has made a change that a requester asked for. Judge it before a person sees it: does it do what the task asks and nothing else, is it correct and simple, do the tests pass, are the capabilities that it adds needed for the task? A change to tests must be asked for.
First write your reasoning, addressed to the person who will read the change. Then the verdict: APPROVE with the message to commit the change under (a subject of at most 72 characters in the imperative, and a body where it helps), or REJECT with reasons that the coder can act on.
What the requester wants is in the <task> and <remark> elements. ${dataRule}`

const maxPatchBytes = 200_000
const maxSafetyBytes = 20_000
const maxTaskCharacters = 100_000

/** For the tags around a text, with a mark in both, and what parts it from the next. In bytes. */
const roomForTags = 120

const capabilities = (report: SafetyReport): readonly string[] =>
  report.added.map(({ capability, path, line, symbol }) => `added ${capability}: ${symbol} in ${path}, line ${line}`)

const findings = (report: SafetyReport): readonly string[] =>
  [...report.issues, ...report.warnings].map(
    ({ code, message, path, line }) =>
      `${code}: ${message}${path === null ? '' : ` (${path}${line === null ? '' : `, line ${line}`})`}`,
  )

/** A safety report as words for a model. */
const describeSafety = (report: SafetyReport): string => {
  const lines = [...capabilities(report), ...findings(report)]
  return lines.length === 0 ? 'No capability is added and nothing is suspicious.' : lines.join('\n')
}

export interface Submission {
  /** What the requester said since the last commit, oldest first. */
  readonly tasks: readonly Pick<SessionTurnRow, 'words' | 'remarks'>[]
  /** What the coder said of its change. */
  readonly summary: string
  readonly patch: string
  readonly safety: SafetyReport
  /** Null where the project has no tests. */
  readonly testResults: string | null
}

const untested = 'The project has no quick tests: nothing was run.'

/** The newest of what the requester said that there is room for, oldest first; of the newest at least its beginning. */
const fitTasks = (tasks: Submission['tasks'], room: number): readonly Fitted[] => {
  const kept: Fitted[] = []
  let left = room
  for (const task of tasks.toReversed()) {
    const text = spokenTask(task)
    const isNewest = kept.length === 0
    if (sizeOfText(text) > left) {
      if (isNewest)
        kept.push({ text: fenceData('task', fitText(task.words, left - roomForTags).text), leftOut: 'task' })
      break
    }
    kept.push({ text, leftOut: null })
    left -= sizeOfText(text)
  }
  const earlier = tasks.length - kept.length
  if (earlier > 0)
    kept.push({ text: fenceData('notice', `${earlier} earlier messages left out.`), leftOut: 'messages' })
  return kept.reverse()
}

const said = (what: string, { leftOut }: Fitted): string[] => (leftOut === null ? [] : [`${what}: ${leftOut}`])

/**
 * What the evaluator is asked about a change, as much of it as its model takes. The change gives way last: it has what
 * the others leave.
 * @param room in bytes of JSON
 */
export const evaluatorQuestion = (submission: Submission, round: number, room: number): Fitted => {
  const tasks = fitTasks(submission.tasks, room * 0.25)
  const summary = fitText(submission.summary, room * 0.05)
  const safety = fitText(describeSafety(submission.safety), Math.min(maxSafetyBytes, room * 0.1))
  const tests = fitText(submission.testResults ?? untested, room * 0.15)
  const others = [...tasks, summary, safety, tests].reduce((sum, { text }) => sum + sizeOfText(text) + roomForTags, 0)
  const change = fitChange(submission.patch, Math.min(maxPatchBytes, room - others - roomForTags))
  const leftOut = [
    ...said('the change', change),
    ...(tasks.some((task) => task.leftOut !== null) ? ['what the requester said: in part'] : []),
    ...said("the coder's summary", summary),
    ...said('the safety report', safety),
    ...said('the test results', tests),
  ]
  return {
    text: [
      ...tasks.map(({ text }) => text),
      fenceData('coder_summary', summary.text),
      fenceData('change', change.text, { round: String(round) }),
      fenceData('safety_report', safety.text),
      fenceData('test_results', tests.text),
    ].join('\n\n'),
    leftOut: leftOut.length === 0 ? null : leftOut.join('; '),
  }
}

/** What is added to a verdict on what the evaluator did not see whole. */
export const notSeen = (leftOut: string): string =>
  `The evaluator was not shown everything, since it is more than its model takes: ${leftOut}. Its verdict is on what it saw.`

/** What the coder is told of a verdict on its change. */
export const evaluationFeedback = (verdict: Verdict, text: string): string => fenceData('evaluation', text, { verdict })

/** A person's words, after what happened since the coder spoke last. */
export const turnPrompt = (turn: Pick<SessionTurnRow, 'words' | 'remarks'>, notices: readonly string[] = []): string =>
  [...notices.map((notice) => fenceData('notice', notice)), spokenTask(turn)].join('\n\n')

/** A person's words. The lines that their remarks are on are the repository's text, and so apart from them. */
const spokenTask = ({ words, remarks }: Pick<SessionTurnRow, 'words' | 'remarks'>): string =>
  [
    fenceData('task', cut(words, maxTaskCharacters)),
    ...remarks.flatMap(({ place, code, text }) => [fenceData('code', `${place}:\n${code}`), fenceData('remark', text)]),
  ].join('\n\n')

/** The texts of a round's answers, as they were streamed. */
export const spokenText = (answers: readonly Pick<ModelAnswer, 'text'>[]): string =>
  answers
    .map(({ text }) => text)
    .filter((text) => text.trim() !== '')
    .join(textSeparator)

/** Between the texts of one round's answers. */
export const textSeparator = '\n\n'
