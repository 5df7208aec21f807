import pLimit from 'p-limit'
import { z } from 'zod'
import type { HeldLease } from '../lease/lease.ts'
import type { ModelProvider } from '../ports/model-provider.ts'
import type { Services } from '../shared/services.ts'
import { askStructured } from './ask-structured.ts'
import type { CallSite } from './call-site.ts'
import { fitChange } from './fit-change.ts'
import { roomForQuestion, sizeOfText } from './fit-context.ts'
import { judgeScore } from './judge-score.ts'
import { type Pair, playTournament } from './tournament.ts'

const judgement = z.strictObject({
  winner: z.enum(['A', 'B', 'TIE']),
  reason: z.string().max(4_000),
  scores: z.strictObject({ A: judgeScore, B: judgeScore }),
})

/** One result as the judge sees it. */
export interface Entry {
  readonly candidateId: string
  readonly label: string
  readonly text: string
}

export interface Judged {
  readonly winner: Entry
  readonly reason: string
  /** By candidate: the mean of the scores it was given. */
  readonly scores: ReadonlyMap<string, { readonly score: number; readonly reason: string }>
}

const maxOutputTokens = 2_000
const maxEntryBytes = 130_000
// For the tags around both.
const roomForTags = 300

/** The entries as the judge's model takes two of them beside the question, and which of them it was not shown whole. */
const fitEntries = (
  { models }: Pick<Services, 'models'>,
  { model, system, message }: JudgeQuestion,
  entries: readonly [Entry, Entry, ...Entry[]],
): { readonly entries: readonly [Entry, Entry, ...Entry[]]; readonly notes: readonly string[] } => {
  const room = roomForQuestion(models.inputLimitOf(model), maxOutputTokens, system) - sizeOfText(message('', ''))
  const notes: string[] = []
  const shorten = (entry: Entry): Entry => {
    const { text, leftOut } = fitChange(entry.text, Math.min(maxEntryBytes, (room - roomForTags) / 2))
    if (leftOut !== null) notes.push(`The judge was not shown all of ${entry.label}: ${leftOut}.`)
    return { ...entry, text }
  }
  const [first, second, ...others] = entries
  return { entries: [shorten(first), shorten(second), ...others.map(shorten)], notes }
}

/** What the judge is asked about each pair. */
export interface JudgeQuestion {
  readonly model: string
  readonly system: string
  readonly message: (a: string, b: string) => string
}

/** Pairs of one round that are judged at the same time. */
const pairsAtOnce = 4

// The judge knows two results as A and B, whatever the candidates are called.
const whySaid = (a: Entry, b: Entry, reason: string): string => `With ${a.label} as A and ${b.label} as B: ${reason}`

const mean = (given: readonly number[]): number =>
  given.reduce((sum, score) => sum + score, 0) / Math.max(1, given.length)

interface JudgedPair {
  /** Whom both orders prefer. */
  readonly agreed: Entry | null
  readonly scores: readonly [first: readonly number[], second: readonly number[]]
  readonly reasons: readonly string[]
}

/**
 * Asks a model which of several results is best: in pairs, each pair in both orders, since single-order judging
 * favours a position. A win counts only when both orders agree. Who meets whom is the tournament's to say.
 * @throws what askStructured throws: a judge that cannot be parsed is an error, never a silent choice
 */
export const judgePairs = async (
  services: Services,
  lease: HeldLease,
  site: CallSite,
  provider: ModelProvider,
  question: JudgeQuestion,
  all: readonly [Entry, Entry, ...Entry[]],
): Promise<Judged> => {
  const { entries, notes } = fitEntries(services, question, all)
  let sequence = 0
  const judge = async ([first, second]: Pair<Entry>, place: number): Promise<JudgedPair> => {
    const ask = (a: Entry, b: Entry, at: number) =>
      askStructured(services, lease, site, provider, at, {
        name: 'judgement',
        schema: judgement,
        verdictOf: ({ winner }) => winner,
        model: question.model,
        system: question.system,
        message: question.message(a.text, b.text),
        maxOutputTokens,
      })
    const forward = await ask(first, second, place)
    const backward = await ask(second, first, place + 1)
    const agreed =
      forward.winner === 'A' && backward.winner === 'B'
        ? first
        : forward.winner === 'B' && backward.winner === 'A'
          ? second
          : null
    const outcome = agreed
      ? `${agreed.label} over ${agreed === first ? second.label : first.label} in both orders.`
      : `${first.label} and ${second.label}: no winner in both orders (${forward.winner}, then ${backward.winner}).`
    return {
      agreed,
      scores: [
        [forward.scores.A, backward.scores.B],
        [forward.scores.B, backward.scores.A],
      ],
      reasons: [outcome, whySaid(first, second, forward.reason), whySaid(second, first, backward.reason)],
    }
  }
  const given = new Map(entries.map((entry) => [entry.candidateId, [] as number[]]))
  const met = new Map(entries.map((entry) => [entry.candidateId, { pairs: 0, wins: 0 }]))
  const reasons: string[] = [...notes]
  const playRound = async (pairs: readonly Pair<Entry>[]) => {
    // A pair's place among the calls follows from its place in the tournament: so a round that is taken up again is
    // played back.
    const from = sequence
    sequence += 2 * pairs.length
    let broken = false
    const slots = pLimit(pairsAtOnce)
    const ends = await Promise.allSettled(
      pairs.map((pair, index) =>
        slots(async () => {
          if (broken) return null
          try {
            return await judge(pair, from + 2 * index)
          } catch (error) {
            broken = true
            throw error
          }
        }),
      ),
    )
    return ends.flatMap((end) => {
      if (end.status === 'rejected') throw end.reason
      return end.value ?? []
    })
  }
  const winner = await playTournament(entries, async (pairs) => {
    const judged = await playRound(pairs)
    return judged.map(({ agreed, scores, reasons: said }, index) => {
      for (const [side, entry] of (pairs[index] ?? []).entries()) {
        given.get(entry.candidateId)?.push(...(scores[side] ?? []))
        const record = met.get(entry.candidateId)
        if (record) {
          record.pairs += 1
          if (entry === agreed) record.wins += 1
        }
      }
      reasons.push(...said)
      return { agreed, means: [mean(scores[0]), mean(scores[1])] }
    })
  })
  return {
    winner,
    reason: reasons.join('\n'),
    scores: new Map(
      entries.map(({ candidateId }) => {
        const { pairs, wins } = met.get(candidateId) ?? { pairs: 0, wins: 0 }
        return [candidateId, { score: mean(given.get(candidateId) ?? []), reason: `${wins} wins in ${pairs} pairs` }]
      }),
    ),
  }
}
