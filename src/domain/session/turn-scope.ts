/** How often coder and evaluator may go over a person's message. */
export const maxRounds = 3

/** The name of the coder's or the evaluator's conversation of calls in one round of a turn. */
export const turnScope = (turnId: string, agent: 'coder' | 'evaluator', round: number): string =>
  `session-turn:${turnId}:${agent}:${round}`

/** The coder's, of all rounds that there may be. */
export const coderScopes = (turnId: string): readonly string[] =>
  Array.from({ length: maxRounds }, (_, index) => turnScope(turnId, 'coder', index + 1))
