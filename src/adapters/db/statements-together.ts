import pg, { type Connection, type QueryResult } from 'pg'

/** What `pg` has and its types do not tell of. */
interface Wire extends Connection {
  /** The texts by the names that this connection has for them, and those on their way. */
  readonly parsedStatements: Record<string, string>
  readonly submittedNamedStatements: Record<string, string>
}
interface Protocol {
  submit(connection: Wire): Error | null
  handleDataRow(message: unknown): void
  handleCommandComplete(message: unknown, connection: Wire): void
  handleError(error: Error, connection: Wire): void
  handleReadyForQuery(connection: Wire): void
}
type NewQuery = new (config: {
  readonly text: string
  readonly values?: readonly unknown[]
  readonly name?: string | undefined
  readonly queryMode?: 'extended'
  readonly callback: (error: Error | null, results: QueryResult | QueryResult[]) => void
}) => Protocol
const Query = pg.Query as unknown as NewQuery

/** A statement that is sent with the next one. */
export interface Ahead {
  readonly name: string | undefined
  readonly text: string
  readonly values: readonly string[]
}

/** The statement that somebody waits for. */
interface Awaited {
  readonly name: string | undefined
  readonly text: string
  readonly values: readonly unknown[]
}

/** As `pg.Client.query`. */
export type Send = (...given: readonly unknown[]) => unknown

const isKnown = ({ parsedStatements, submittedNamedStatements }: Wire, name: string): boolean =>
  name in parsedStatements || name in submittedNamedStatements

// What failed may have left a statement under the name, or not: to close one that is not there is no error.
const forget = (connection: Wire, name: string): void => connection.close({ type: 'S', name }, true)

const sendAhead = (connection: Wire, { name = '', text, values }: Ahead): void => {
  if (name === '' || !isKnown(connection, name)) {
    if (name !== '') forget(connection, name)
    connection.parse({ name, text, types: [] }, true)
  }
  connection.bind({ statement: name, values: [...values] }, true)
  connection.execute({}, true)
}

/**
 * Sends statements up to one synchronisation: where one fails, the server does none of those behind it. Only the last
 * one's rows are told.
 */
export const sendWithValues = (send: Send, before: readonly Ahead[], last: Awaited): Promise<QueryResult> =>
  new Promise((resolve, reject) => {
    const query = new Query({
      ...last,
      queryMode: 'extended',
      callback: (error, result) => (error ? reject(error) : resolve(result as QueryResult)),
    })
    const { submit, handleDataRow, handleCommandComplete, handleError, handleReadyForQuery } = query
    const named = [...before, last].flatMap(({ name, text }) => (name === undefined ? [] : [{ name, text }]))
    let left = before.length
    let hasFailed = false
    // Of the others too: one that the server does not accept any more has to be parsed again.
    const forgetAll = ({ parsedStatements, submittedNamedStatements }: Wire) => {
      for (const { name } of named) {
        delete parsedStatements[name]
        delete submittedNamedStatements[name]
      }
    }
    query.submit = (connection) => {
      connection.stream.cork()
      try {
        for (const ahead of before) sendAhead(connection, ahead)
        if (last.name !== undefined && !isKnown(connection, last.name)) forget(connection, last.name)
        return submit.call(query, connection)
      } finally {
        connection.stream.uncork()
      }
    }
    query.handleDataRow = (message) => {
      if (left === 0) handleDataRow.call(query, message)
    }
    query.handleCommandComplete = (message, connection) => {
      if (left === 0) handleCommandComplete.call(query, message, connection)
      else left -= 1
    }
    query.handleReadyForQuery = (connection) => {
      forgetAll(connection)
      if (!hasFailed) for (const { name, text } of named) connection.parsedStatements[name] = text
      handleReadyForQuery.call(query, connection)
    }
    query.handleError = (error, connection) => {
      hasFailed = true
      forgetAll(connection)
      handleError.call(query, error, connection)
    }
    send(query)
  })

/** With its values in the text, as literals that mean the same whatever `standard_conforming_strings` is. */
const written = ({ text, values }: Ahead): string =>
  text.replaceAll(/\$(\d+)/g, (_, place: string) => pg.escapeLiteral(values[Number(place) - 1] ?? ''))

/** The same for a text that has its values in it, and may be several statements. */
export const sendAsText = (send: Send, before: readonly Ahead[], text: string): Promise<QueryResult> =>
  new Promise((resolve, reject) => {
    const callback = (error: Error | null, results: QueryResult | QueryResult[]) => {
      if (error) return reject(error)
      const own = [results].flat().slice(before.length)
      resolve((own.length === 1 ? own[0] : own) as QueryResult)
    }
    send(new Query({ text: [...before.map(written), text].join('; '), callback }))
  })
