import { labelled, type Prompt, roleOf, taskOf } from './prompt.ts'
import type { Part, Script, Turn } from './script.ts'
import { calculator } from './scripts/calculator.ts'
import { helloWorld } from './scripts/hello-world.ts'
import { triage } from './scripts/support-triage.ts'

const scripts: readonly Script[] = [calculator, helloWorld]

const unknownTask =
  'This is the offline rehearsal: it plays only the built-in tasks. ' +
  'Set OPENAI_API_KEY or ANTHROPIC_API_KEY to work on this one.'
const unknownRole =
  'This is the offline rehearsal: it does not play this role. ' +
  'Set OPENAI_API_KEY or ANTHROPIC_API_KEY to have a model do it.'
const feedbackGiven =
  'This is the offline rehearsal: it cannot act on what a person says to its work. ' +
  'Set OPENAI_API_KEY or ANTHROPIC_API_KEY to have a model do it.'

const rehearsedWords = 'Worded by the offline rehearsal, which follows no instructions.'

type Role = (prompt: Prompt, script: Script, part: Part) => Turn

const roles: Readonly<Record<string, Role>> = {
  interviewer: interview,
  'interview judge': judgeInterviews,
  planner: (prompt, _script, part) => turnAt(part.planning, prompt.turn),
  coder: code,
  evaluator: evaluate,
  judge,
  verifier: verify,
}

/** Roles that come without a task: in the built-in agents that projects may be, and where a change alone is shown. */
const applications: Readonly<Record<string, (prompt: Prompt) => Turn>> = {
  'support triage': triage,
  'evaluator of commit messages': wordMessage,
}

/** What the stand-in answers to a request. It remembers nothing: the conversation says which turn it is. */
export function play(prompt: Prompt): Turn {
  const application = applications[roleOf(prompt) ?? '']
  if (application) return application(prompt)
  const task = taskOf(prompt)?.replaceAll(/\s+/g, ' ').trim()
  const script = scripts.find((candidate) => task !== undefined && candidate.task.test(task))
  if (script === undefined) return refusal(unknownTask)
  const role = roles[roleOf(prompt) ?? '']
  return role === undefined ? refusal(unknownRole) : role(prompt, script, script.parts[prompt.provider])
}

function refusal(text: string): Turn {
  return { text, refused: true }
}

function turnAt(turns: readonly Turn[], index: number): Turn {
  return turns[index] ?? turns.at(-1) ?? refusal(unknownRole)
}

function json(value: unknown): Turn {
  return { text: JSON.stringify(value) }
}

function userText(prompt: Prompt): string {
  return prompt.userTexts.join('\n')
}

function questionLimit(prompt: Prompt): number {
  const limit = /at most (\d+) questions?/i.exec(`${prompt.system}\n${userText(prompt)}`)?.[1]
  return limit === undefined ? Number.POSITIVE_INFINITY : Number(limit)
}

function interview(prompt: Prompt, _script: Script, part: Part): Turn {
  const { questions, assessment } = part.interview
  return json({ questions: questions.slice(0, questionLimit(prompt)), assessment })
}

function judgeInterviews(prompt: Prompt, script: Script): Turn {
  const candidates = labelled(userText(prompt), 'candidate').map(({ label, content }) => ({
    label,
    keys: [...content.matchAll(/key\W{1,16}?\b([a-z][a-z0-9_]+)\b/g)].map(([, key]) => key ?? ''),
  }))
  const offered = script.wantedQuestions.flatMap((key) =>
    candidates.filter((candidate) => candidate.keys.includes(key)).map(({ label }) => ({ label, key })),
  )
  const selected = offered[0]?.label ?? candidates[0]?.label ?? 'A'
  const unique = script.wantedQuestions.flatMap((key) => {
    const askers = offered.filter((question) => question.key === key)
    return askers.find((question) => question.label === selected) ?? askers[0] ?? []
  })
  const fallback = (candidates.find(({ label }) => label === selected)?.keys ?? []).map((key) => ({
    label: selected,
    key,
  }))
  const questions = (unique.length > 0 ? unique : fallback).slice(0, questionLimit(prompt))
  const merged = new Set(questions.map(({ label }) => label)).size > 1
  return json({
    selected,
    questions,
    rationale: merged
      ? 'Each candidate asks something that decides the result and that the other leaves out, so both are merged; a question that both ask is asked once.'
      : 'One candidate asks what has to be known before the work can begin; the other adds nothing to it.',
    scores: candidates.map(({ label }) => ({
      label,
      score: label === selected ? 0.8 : 0.6,
      reason:
        label === selected
          ? 'Asks about the behaviour that users will see first.'
          : 'Good questions, of which fewer change the result.',
    })),
  })
}

/** A session's coder and evaluator say everything once: what a person says after that is not in the script. */
function converse(prompt: Prompt, { session }: Script): Turn {
  return session === undefined ? refusal(unknownTask) : (session.coding[prompt.turn] ?? refusal(feedbackGiven))
}

function evaluate(prompt: Prompt, { session }: Script): Turn {
  const evaluation = session?.evaluation[prompt.turn]
  return evaluation === undefined ? refusal(unknownTask) : json(evaluation)
}

/** Says of a change what its list of files says, whatever the files are. */
function wordMessage(prompt: Prompt): Turn {
  const files = (labelled(userText(prompt), 'files')[0]?.content ?? '').split('\n').filter((line) => line !== '')
  const [first = 'nothing'] = files.map((line) => /"(?:[^"\\]|\\.)*"/.exec(line)?.[0] ?? line)
  const more = files.length > 1 ? ` and ${files.length - 1} more` : ''
  const body = files.slice(0, 20).map((line) => `- ${line}`)
  return json({ message: [`Change ${first}${more}`, '', ...body, '', rehearsedWords].join('\n') })
}

function code(prompt: Prompt, script: Script, part: Part): Turn {
  const text = userText(prompt)
  if (prompt.tools.includes('submit_patch')) return converse(prompt, script)
  if (!prompt.tools.includes('write_file')) return refusal(unknownRole)
  if (/<(review|review_feedback|feedback|rejection)[\s>]/.test(text)) return refusal(feedbackGiven)
  const attempt = /<verification_failure[\s>]/.test(text) ? 1 : 0
  const turns = part.coding[attempt] ?? part.coding.at(-1) ?? []
  return turnAt(turns, prompt.turn)
}

/** Ranks the contents, so that the verdict does not depend on which label a candidate stands under. */
function judge(prompt: Prompt, script: Script): Turn {
  const candidates = labelled(userText(prompt), 'candidate')
  const rank = (label: string) => {
    const content = candidates.find((candidate) => candidate.label === label)?.content ?? ''
    const index = script.preferences.findIndex(({ marker }) => content.includes(marker))
    return index === -1 ? script.preferences.length : index
  }
  const [a, b] = [rank('A'), rank('B')]
  if (a === b) {
    return json({
      winner: 'TIE',
      reason: 'Neither candidate does anything that the other one does not do as well.',
      scores: { A: 0.7, B: 0.7 },
    })
  }
  return json({
    winner: a < b ? 'A' : 'B',
    reason: script.preferences[Math.min(a, b)]?.reason,
    scores: { A: a < b ? 0.85 : 0.65, B: a < b ? 0.65 : 0.85 },
  })
}

function verify(prompt: Prompt): Turn {
  const results = labelled(userText(prompt), 'test_results').map(({ content }) => content)
  const failed = [...results.join('\n').matchAll(/^FAILED ((?!\().+)$/gm)].map(([, name]) => name?.trim() ?? '')
  return failed.length > 0
    ? json({ verdict: 'VERIFICATION_FAILURE', reasons: failed.map((name) => `The test "${name}" fails.`) })
    : json({ verdict: 'VERIFICATION_SUCCESS', reasons: ['No test fails on the selected tree.'] })
}
