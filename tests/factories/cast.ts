import { randomUUID } from 'node:crypto'
import type { Fault } from '../../src/adapters/rehearsal/fault.ts'
import type { ScriptedCall, Turn } from '../../src/adapters/rehearsal/script.ts'
import type { RehearsalCall, RehearsalOptions } from '../../src/adapters/rehearsal/server.ts'

type Reaction = Fault | undefined | Promise<Fault | undefined>

/** What a role answers to one call; undefined leaves the call to its default. */
export type Player = (call: RehearsalCall) => Reaction

export type Parts = Readonly<Record<string, Player>>

/** The providers' answers, written by each test for a task of its own, so that tests share one server. */
export interface Cast {
  readonly rehearsalOptions: RehearsalOptions
  /** A task that nobody else has, played by these parts; roles that are left out do the least that works. */
  task(words: string, parts?: Parts): string
  /** The calls that were made for a task, oldest first. */
  calls(task: string, role?: string): readonly RehearsalCall[]
}

export const says = (text: string, toolCalls?: readonly ScriptedCall[]): Fault => ({
  kind: 'answer',
  turn: toolCalls ? { text, toolCalls } : { text },
})
export const answersJson = (value: unknown): Fault => says(JSON.stringify(value))
export const refuses = (text: string): Fault => ({ kind: 'answer', turn: { text, refused: true } satisfies Turn })
export const uses = (name: string, args: ScriptedCall['arguments']): Fault =>
  says(`I use ${name}.`, [{ name, arguments: args }])
export const writes = (path: string, content: string): Fault => uses('write_file', { path, content })
export const answersStatus = (status: number, retryAfter?: string): Fault =>
  retryAfter === undefined ? { kind: 'status', status } : { kind: 'status', status, retryAfter }

/** An answer a turn; the last one ever after. */
export const inTurns =
  (...answers: readonly Fault[]): Player =>
  ({ turn }) =>
    answers[turn] ?? answers.at(-1)

/** A player for each provider. */
export const byProvider =
  (players: { readonly OPENAI?: Player; readonly ANTHROPIC?: Player }): Player =>
  (call) =>
    players[call.provider]?.(call)

export const assessment = { complexity: 'SIMPLE', rationale: 'One file.', risks: [] } as const
export const question = (key: string) => ({ key, question: `What about ${key}?`, rationale: 'It changes the work.' })
export const asks = (...keys: readonly string[]): Fault => answersJson({ questions: keys.map(question), assessment })

export const judges = (winner: 'A' | 'B' | 'TIE', scores = { A: 0.5, B: 0.5 }): Fault =>
  answersJson({ winner, reason: `${winner} by what was shown.`, scores })
export const verifies = (verdict: 'VERIFICATION_SUCCESS' | 'VERIFICATION_FAILURE', ...reasons: string[]): Fault =>
  answersJson({ verdict, reasons })

/** A coder's submission: of the workspace as it is, or of a whole patch. */
export const submits = (patch: string | null, summary = 'The change.'): Fault =>
  says(summary, [{ name: 'submit_patch', arguments: { patch, summary } }])

export const approves = (commitMessage: string, reasoning = 'It does what was asked.'): Fault =>
  answersJson({ reasoning, verdict: 'APPROVE', reasons: [], commitMessage })
export const rejects = (...reasons: readonly string[]): Fault =>
  answersJson({ reasoning: 'It does not hold.', verdict: 'REJECT', reasons, commitMessage: null })

const defaults: Parts = {
  interviewer: () => asks(),
  'interview judge': () => answersJson({ selected: 'A', questions: [], rationale: 'Nothing to ask.', scores: [] }),
  planner: inTurns(writes('implementation_plan.md', '# Plan\n\nWrite done.txt.\n'), says('The plan is written.')),
  coder: inTurns(writes('done.txt', 'done\n'), says('Write done.txt')),
  judge: () => judges('TIE'),
  evaluator: () => approves('Do what was asked'),
  verifier: () => verifies('VERIFICATION_SUCCESS', 'It holds.'),
}

export const createCast = (): Cast => {
  const parts = new Map<string, Parts>()
  const calls: RehearsalCall[] = []
  return {
    rehearsalOptions: {
      async intercept(call) {
        calls.push(call)
        const role = call.role ?? ''
        const known = call.task === null ? undefined : parts.get(call.task)
        if (!known) return undefined
        return (await known[role]?.(call)) ?? (await defaults[role]?.(call))
      },
    },
    task(words, played = {}) {
      const task = `${words} (${randomUUID()})`
      parts.set(task, played)
      return task
    },
    calls: (task, role) => calls.filter((call) => call.task === task && (role === undefined || call.role === role)),
  }
}

/** Opens when as many as it waits for have arrived; nobody goes on before. */
export const createMeeting = (size: number): (() => Promise<undefined>) => {
  const { promise, resolve } = Promise.withResolvers<undefined>()
  let arrived = 0
  return () => {
    arrived += 1
    if (arrived >= size) resolve(undefined)
    return promise
  }
}
