import { GraphQLError } from 'graphql'
import type { Plugin } from 'graphql-yoga'
import type { Viewer } from './domain/actor/viewer.ts'

export interface ServerContext {
  viewer?: Viewer
}

/**
 * Turns away who is not signed in before the body is read: otherwise the errors of parsing and validation would be
 * answered to anybody, and with them parts of the schema.
 */
export const requireViewer = (
  findViewer: (authorization: string | null) => Promise<Viewer | undefined>,
  notSignedIn: () => GraphQLError,
): Plugin<object, ServerContext> => ({
  async onRequestParse({ request, serverContext }) {
    const viewer = await findViewer(request.headers.get('authorization'))
    if (!viewer) throw notSignedIn()
    serverContext.viewer = viewer
  },
})

/** Where in a value a string is not Unicode (half of a surrogate pair); undefined when none is. */
const brokenText = (value: unknown, path: readonly string[] = []): readonly string[] | undefined => {
  if (typeof value === 'string') return value.isWellFormed() ? undefined : path
  if (typeof value !== 'object' || value === null) return undefined
  // An upload is bytes, each of which would be a member.
  if ('stream' in value && typeof value.stream === 'function') return undefined
  for (const [name, member] of Object.entries(value)) {
    if (!name.isWellFormed()) return path
    const broken = brokenText(member, [...path, name])
    if (broken) return broken
  }
  return undefined
}

/** The error for variables that hold what neither UTF-8 nor PostgreSQL can carry; undefined when there is none. */
const brokenTextError = (variables: unknown): GraphQLError | undefined => {
  const path = brokenText(variables)
  return (
    path &&
    new GraphQLError(`The variable ${path.join('.')} holds half of a surrogate pair, which is no text.`, {
      extensions: { code: 'BAD_USER_INPUT', http: { status: 400 } },
    })
  )
}

/** Refuses operations whose variables are not Unicode, over HTTP and WebSocket. Documents cannot carry such text. */
export const refuseBrokenText = (): Plugin => ({
  onExecute({ args, setResultAndStopExecution }) {
    const error = brokenTextError(args.variableValues)
    if (error) setResultAndStopExecution({ errors: [error] })
  },
  onSubscribe({ args, setResultAndStopExecution }) {
    const error = brokenTextError(args.variableValues)
    if (error) setResultAndStopExecution({ errors: [error] })
  },
})
