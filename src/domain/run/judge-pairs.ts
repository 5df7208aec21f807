import { z } from 'zod'
import type { HeldLease } from '../lease/lease.ts'
import type { ModelProvider } from '../ports/model-provider.ts'
import type { Services } from '../shared/services.ts'
import { askStructured } from './ask-structured.ts'
import type { CallSite } from './call-model.ts'
import { judgeScore } from './judge-score.ts'

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

// The judge knows two results as A and B, whatever the candidates are called.
const whySaid = (a: Entry, b: Entry, reason: string): string => `With ${a.label} as A and ${b.label} as B: ${reason}`

/**
 * Asks a model which of several results is best: in pairs, each pair in both orders, since single-order judging
 * favours a position. A win counts only when both orders agree; the most wins win, then the higher mean score,
 * then the earlier.
 * @throws what askStructured throws: a judge that cannot be parsed is an error, never a silent choice
 */
export const judgePairs = async (
  services: Services,
  lease: HeldLease,
  site: CallSite,
  provider: ModelProvider,
  question: { readonly model: string; readonly system: string; readonly message: (a: string, b: string) => string },
  entries: readonly [Entry, Entry, ...Entry[]],
): Promise<Judged> => {
  const wins = new Map(entries.map((entry) => [entry.candidateId, 0]))
  const scores = new Map(entries.map((entry) => [entry.candidateId, [] as number[]]))
  const reasons: string[] = []
  let sequence = 0
  for (const [index, first] of entries.entries()) {
    for (const second of entries.slice(index + 1)) {
      const ask = (a: Entry, b: Entry) =>
        askStructured(services, lease, site, provider, sequence++, {
          name: 'judgement',
          schema: judgement,
          model: question.model,
          system: question.system,
          message: question.message(a.text, b.text),
          maxOutputTokens,
        })
      const forward = await ask(first, second)
      const backward = await ask(second, first)
      scores.get(first.candidateId)?.push(forward.scores.A, backward.scores.B)
      scores.get(second.candidateId)?.push(forward.scores.B, backward.scores.A)
      const agreed =
        forward.winner === 'A' && backward.winner === 'B'
          ? first
          : forward.winner === 'B' && backward.winner === 'A'
            ? second
            : undefined
      if (agreed) {
        wins.set(agreed.candidateId, (wins.get(agreed.candidateId) ?? 0) + 1)
        reasons.push(`${agreed.label} over ${agreed === first ? second.label : first.label} in both orders.`)
      } else {
        reasons.push(
          `${first.label} and ${second.label}: no winner in both orders (${forward.winner}, then ${backward.winner}).`,
        )
      }
      reasons.push(whySaid(first, second, forward.reason), whySaid(second, first, backward.reason))
    }
  }
  const mean = (entry: Entry): number => {
    const given = scores.get(entry.candidateId) ?? []
    return given.reduce((sum, score) => sum + score, 0) / Math.max(1, given.length)
  }
  const [winner] = [...entries].sort(
    (a, b) => (wins.get(b.candidateId) ?? 0) - (wins.get(a.candidateId) ?? 0) || mean(b) - mean(a),
  )
  if (!winner) throw new Error('There was nothing to judge.')
  return {
    winner,
    reason: reasons.join('\n'),
    scores: new Map(
      entries.map((entry) => [
        entry.candidateId,
        { score: mean(entry), reason: `${wins.get(entry.candidateId) ?? 0} wins in ${entries.length - 1} pairs` },
      ]),
    ),
  }
}
