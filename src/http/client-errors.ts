import { GraphQLError } from 'graphql'
import { maskError } from 'graphql-yoga'
import { DomainError } from '../domain/errors.ts'
import type { Logger } from '../domain/shared/services.ts'
import type { Refusal } from './respond.ts'

/** What may be said of an error. */
export type ToClientError = (error: unknown, message?: string) => GraphQLError

/** What a client did wrong is said; faults of the server are masked, and logged. */
export const createToClientError =
  (log: Logger): ToClientError =>
  (error, message = 'Unexpected error.') => {
    const cause = error instanceof GraphQLError ? error.originalError : error
    if (cause instanceof DomainError) {
      const { nodes, source, positions, path } = error instanceof GraphQLError ? error : ({} as Partial<GraphQLError>)
      const extensions = { code: cause.code }
      return new GraphQLError(cause.message, { nodes, source, positions, path, extensions } as never)
    }
    if (cause !== undefined && !(cause instanceof GraphQLError)) log.error({ error: cause }, 'request failed')
    return maskError(error, message, false) as GraphQLError
  }

/** A refusal in the words of GraphQL. */
export const refusalError = ({ status, code, message, headers = {} }: Refusal): GraphQLError => {
  const wait = headers['retry-after']
  return new GraphQLError(message, {
    extensions: { code, ...(wait && { retryAfterSeconds: Number(wait) }), http: { status, headers } },
  })
}
