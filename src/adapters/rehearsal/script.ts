import type { Provider } from '../../domain/ports/model-provider.ts'

/** What the stand-in for a model says in one turn; with tool calls the turn ends in them. */
export interface Turn {
  readonly text: string
  readonly toolCalls?: readonly ScriptedCall[]
  readonly refused?: true
}

export interface ScriptedCall {
  readonly name: string
  /** A text is sent as it is, JSON or not. */
  readonly arguments: Readonly<Record<string, unknown>> | string
}

export const argumentsText = (call: ScriptedCall): string =>
  typeof call.arguments === 'string' ? call.arguments : JSON.stringify(call.arguments)

interface ScriptedQuestion {
  readonly key: string
  readonly question: string
  readonly rationale: string
}

interface ScriptedInterview {
  /** The most important first: a lower limit takes from the end. */
  readonly questions: readonly ScriptedQuestion[]
  readonly assessment: {
    readonly complexity: 'SIMPLE' | 'STANDARD' | 'COMPLEX'
    readonly rationale: string
    readonly risks: readonly string[]
  }
}

/** One provider's part. */
export interface Part {
  readonly interview: ScriptedInterview
  readonly planning: readonly Turn[]
  /** By attempt; the last one also plays any later attempt. */
  readonly coding: readonly (readonly Turn[])[]
}

/** What the evaluator of a session answers. */
interface ScriptedEvaluation {
  readonly reasoning: string
  readonly verdict: 'APPROVE' | 'REJECT'
  readonly reasons: readonly string[]
  readonly commitMessage: string | null
}

/** A session's conversation, turn after turn, whoever plays it. */
export interface SessionPart {
  readonly coding: readonly Turn[]
  readonly evaluation: readonly ScriptedEvaluation[]
}

/** A sentence or line by which a candidate's content is known, whatever label it stands under. */
interface Preference {
  readonly marker: string
  readonly reason: string
}

/** A task that the rehearsal knows, with everything it plays for it. */
export interface Script {
  readonly task: RegExp
  readonly parts: Readonly<Record<Provider, Part>>
  readonly session?: SessionPart
  /** The keys that the judge of interviews takes, from whichever candidate asks them, best first. */
  readonly wantedQuestions: readonly string[]
  /** What the judge looks for, best first; a candidate with none of it ranks last. */
  readonly preferences: readonly Preference[]
}

export const readFile = (path: string): ScriptedCall => ({
  name: 'read_file',
  arguments: { path, startLine: null, endLine: null },
})
export const listDir = (path: string): ScriptedCall => ({ name: 'list_dir', arguments: { path } })
export const search = (text: string, path: string | null = null): ScriptedCall => ({
  name: 'search',
  arguments: { text, path },
})
export const writeFile = (path: string, content: string): ScriptedCall => ({
  name: 'write_file',
  arguments: { path, content },
})
export const editFile = (path: string, oldText: string, newText: string): ScriptedCall => ({
  name: 'edit_file',
  arguments: { path, oldText, newText },
})
export const submitPatch = (patch: string | null, summary: string): ScriptedCall => ({
  name: 'submit_patch',
  arguments: { patch, summary },
})
export const runTests = (names: readonly string[] | null = null): ScriptedCall => ({
  name: 'run_tests',
  arguments: { names },
})
