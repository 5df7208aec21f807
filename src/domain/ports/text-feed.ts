/** The port to the text of agents as they write it, from the process where they work to those who read along. */

export interface TextPiece {
  readonly sessionId: string
  readonly messageId: string
  /** coder or evaluator. */
  readonly agent: string
  readonly iteration: number
  /** Where in the message's text the piece belongs, in UTF-16 units. */
  readonly offset: number
  readonly text: string
}

/** Not kept: what nobody follows is gone, and pieces may be lost. The message that they are of is stored when it is whole. */
export interface TextFeed extends AsyncDisposable {
  write(piece: TextPiece): void
  /** Settles once everything that was written is on its way. */
  flush(): Promise<void>
  /** How many follow a session now. */
  readers(): number
  /** The pieces of one session from now on, until the signal is aborted or `return` is called. */
  follow(sessionId: string, signal?: AbortSignal): AsyncGenerator<TextPiece>
}
