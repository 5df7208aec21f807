import type { ExecutionResult } from 'graphql'
import type { Plugin } from 'graphql-yoga'
import type { Tracer } from '../domain/ports/tracer.ts'
import { rootFields } from './root-fields.ts'

// What somebody asks for with hundreds of fields is named after the first of them.
const namedFields = 3
const notedFields = 20

const codeOf = (result: unknown): string | undefined => {
  const [error] = (result as Partial<ExecutionResult> | undefined)?.errors ?? []
  if (error === undefined) return undefined
  const code = error.extensions?.code
  return typeof code === 'string' ? code : 'graphql_error'
}

/**
 * Queries and mutations, over whatever transport, as parts of a trace, each of one of its own: what a client says of a
 * trace is not believed. Of the operation the schema's words are told, never a variable or the document.
 */
export const traceOperations = (tracer: Tracer): Plugin => ({
  onExecute({ args, executeFn, setExecuteFn }) {
    const { type, fields } = rootFields(args.document, args.operationName)
    const facts = {
      operation: `${type} ${fields.slice(0, namedFields).join(' ')}`,
      operationType: type,
      rootFields: fields.slice(0, notedFields),
    }
    setExecuteFn((given) =>
      tracer.span('operation', facts, async (span) => {
        const result = await executeFn(given)
        span.note(() => {
          const failure = codeOf(result)
          return failure === undefined ? {} : { failure }
        })
        return result
      }),
    )
  },
})
