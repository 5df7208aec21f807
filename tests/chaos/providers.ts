import { type Rehearsal, type RehearsalCall, startRehearsal } from '../../src/adapters/rehearsal/server.ts'
import {
  approves,
  asks,
  inTurns,
  judges,
  type Parts,
  rejects,
  says,
  submits,
  verifies,
  writes,
} from '../factories/cast.ts'

/** The kinds of work that people ask for; each of a kind goes the same way to the same end. */
export const sprintKinds = ['plain', 'second attempt', 'two candidates', 'turned down'] as const
export const sessionKinds = ['plain', 'second round', 'turned down once'] as const
export type SprintKind = (typeof sprintKinds)[number]
export type SessionKind = (typeof sessionKinds)[number]

/** One piece of work, and the name by which providers know whose call it is. */
export type Unit =
  | { readonly type: 'sprint'; readonly kind: SprintKind; readonly key: string }
  | { readonly type: 'session'; readonly kind: SessionKind; readonly key: string }

/** The task's words, which every call about the unit has in it. */
export const taskOf = ({ key, type, kind }: Unit): string => `Write ${key}.txt (${type}, ${kind}).`

const plan = inTurns(writes('implementation_plan.md', '# Plan\n\nWrite the file.\n'), says('The plan is written.'))
const usedTool = { name: 'read_file', arguments: { path: 'implementation_plan.md', startLine: null, endLine: null } }

/** Knows nothing but the request, as a provider does: asked again it answers the same. */
const partsOf = ({ type, kind, key }: Unit): Parts => {
  const file = `${key}.txt`
  const bodyOf = ({ body }: RehearsalCall) => JSON.stringify(body)
  if (type === 'session') {
    return {
      coder(call) {
        const round = bodyOf(call).includes('The second word is missing') ? 2 : 1
        const turned = bodyOf(call).includes('A third word, please') ? 1 : 0
        const content = ['one', ...(round === 2 ? ['two'] : []), ...(turned ? ['three'] : [])].join(' ')
        // In each conversation the file is written and then handed in.
        return call.turn % 2 === 0 ? writes(file, `${content}\n`) : submits(null, `Add ${file}`)
      },
      evaluator: (call) =>
        kind === 'second round' && !bodyOf(call).includes('one two')
          ? rejects('The second word is missing.')
          : approves(`Add ${file}`),
    }
  }
  return {
    interviewer: () => asks('size'),
    planner: plan,
    coder(call) {
      const isSecond = bodyOf(call).includes('The second word is missing')
      const label = call.provider === 'ANTHROPIC' ? 'other' : 'one'
      return inTurns(
        says('I read the plan.', [usedTool]),
        writes(file, isSecond ? `${label} two\n` : `${label}\n`),
        says(`Add ${file}`),
      )(call)
    },
    judge: () => judges('A', { A: 0.9, B: 0.4 }),
    verifier: (call) =>
      kind === 'second attempt' && !bodyOf(call).includes('one two')
        ? verifies('VERIFICATION_FAILURE', 'The second word is missing.')
        : verifies('VERIFICATION_SUCCESS', 'It holds.'),
  }
}

export interface Providers {
  readonly rehearsal: Rehearsal
  add(unit: Unit): void
  /** How often each unit's providers were called, by `<unit> <role> <provider>`. */
  readonly calls: ReadonlyMap<string, number>
}

export const callKey = (unit: string, role: string, provider: string): string => `${unit} ${role} ${provider}`

/** The offline providers, in this process: they see every call that any process makes. */
export const startProviders = async (wordDelayMs: number): Promise<Providers> => {
  const parts = new Map<string, { readonly key: string; readonly parts: Parts }>()
  const calls = new Map<string, number>()
  const rehearsal = await startRehearsal({
    wordDelayMs,
    intercept(call) {
      const words = /Write [\w-]+\.txt \([\w ]+, [\w ]+\)\./.exec(call.task ?? '')?.[0] ?? ''
      const known = parts.get(words)
      const role = call.role ?? ''
      const player = known?.parts[role]
      if (!known || !player) throw new Error(`Nobody plays the ${role} of ${call.task}.`)
      const key = callKey(known.key, role, call.provider)
      calls.set(key, (calls.get(key) ?? 0) + 1)
      return player(call)
    },
  })
  return {
    rehearsal,
    calls,
    add(unit) {
      parts.set(taskOf(unit), { key: unit.key, parts: partsOf(unit) })
    },
  }
}
