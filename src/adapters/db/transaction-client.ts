import pg, { type QueryResult } from 'pg'
import { markOf } from '../../domain/shared/statement-marks.ts'
import { type Ahead, type Send, sendAsText, sendWithValues } from './statements-together.ts'

const begin: Ahead = { name: undefined, text: 'begin', values: [] }

/** The answer to what was not sent. */
const unsent = (command: string): Promise<QueryResult> =>
  Promise.resolve({ command, rowCount: null, oid: 0, fields: [], rows: [] })

const uncommitted = () => new Error('Nothing was committed: a statement of the transaction had failed.')

/** What the server says to the end of a transaction in which something failed, and was taken for done, is no error. */
const mustBeCommitted = async (answer: Promise<QueryResult>): Promise<QueryResult> => {
  const result = await answer
  if (result.command === 'COMMIT') return result
  throw uncommitted()
}

/**
 * A connection that sends with the next statement what nobody has to wait for: the begin of a transaction, and what
 * `withNext` marks. So a transaction takes one answer of the server less, and one in which nothing is asked takes none.
 * What `prepared` marks is parsed once for each connection.
 */
export class TransactionClient extends pg.Client {
  #isOpen = false
  /** What the server has yet to be told. */
  #ahead: readonly Ahead[] = []
  /** The statement with the begin failed, perhaps before the server had begun: the next would be committed by itself. */
  #isRefused = false

  override query(...given: never[]): never {
    const [text, values = [], callback]: readonly unknown[] = given
    const send: Send = (...sent) => Reflect.apply(super.query, this, sent)
    if (typeof text === 'string' && Array.isArray(values) && callback === undefined) {
      return this.#ask(send, text, values) as never
    }
    if (this.#ahead.length > 0) throw new Error('What is read in parts cannot be the first statement of a transaction.')
    return send(...given) as never
  }

  #ask(send: Send, text: string, values: readonly unknown[]): Promise<QueryResult> {
    if (text === 'begin') {
      this.#isOpen = true
      this.#isRefused = false
      this.#ahead = [begin]
      return unsent('BEGIN')
    }
    if (text === 'rollback') this.#isRefused = false
    if (this.#isRefused) return Promise.reject(uncommitted())
    const mark = markOf(text)
    if (mark?.isWithNext && this.#isOpen) {
      this.#ahead = [...this.#ahead, { name: mark.name, text, values: values.map(String) }]
      return unsent('SELECT')
    }
    const before = this.#ahead
    this.#ahead = []
    const isToldOf = before[0] !== begin
    if (text === 'commit' || text === 'rollback') this.#isOpen = false
    if (text === 'rollback') return isToldOf ? (send(text) as Promise<QueryResult>) : unsent('ROLLBACK')
    if (text === 'commit' && !isToldOf && before.length === 1) return unsent('COMMIT')
    if (before.length === 0 && mark === undefined) {
      const answer = send(text, values) as Promise<QueryResult>
      return text === 'commit' ? mustBeCommitted(answer) : answer
    }
    const answer =
      mark === undefined && values.length === 0 && text !== 'commit'
        ? sendAsText(send, before, text)
        : sendWithValues(send, before, { name: mark?.name, text, values })
    if (!isToldOf && text !== 'commit') {
      // Known before the next is asked: those of a transaction are asked one after the other.
      answer.catch(() => {
        this.#isRefused = true
      })
    }
    return answer
  }
}
