import type { ModelAnswer } from '../ports/model-provider.ts'
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

const maxPatchCharacters = 150_000
const maxTaskCharacters = 100_000

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
  return lines.length === 0 ? 'No capability is added and nothing is suspicious.' : cut(lines.join('\n'), 20_000)
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

/** What the evaluator is asked about a change. */
export const evaluatorQuestion = (submission: Submission, round: number): string =>
  [
    ...submission.tasks.map(spokenTask),
    fenceData('coder_summary', submission.summary),
    fenceData('change', cut(submission.patch, maxPatchCharacters), { round: String(round) }),
    fenceData('safety_report', describeSafety(submission.safety)),
    fenceData('test_results', submission.testResults ?? 'The project has no quick tests: nothing was run.'),
  ].join('\n\n')

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
