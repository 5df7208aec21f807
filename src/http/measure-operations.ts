import type { ExecutionArgs, ExecutionResult, GraphQLError } from 'graphql'
import type { Plugin } from 'graphql-yoga'
import { DomainError } from '../domain/errors.ts'
import type { Measure, MeasuredOperation } from '../domain/ports/measure.ts'
import { rootFields } from './root-fields.ts'

const unknownFault = 'INTERNAL_SERVER_ERROR'

/** Every code is one of the server's own words. */
const codeOf = ({ originalError, extensions }: GraphQLError): string => {
  if (originalError instanceof DomainError) return originalError.code
  return typeof extensions?.code === 'string' ? extensions.code : unknownFault
}

const isStream = (result: unknown): boolean =>
  typeof result === 'object' && result !== null && Symbol.asyncIterator in result

const codesOf = (result: unknown): readonly string[] =>
  isStream(result) ? [] : ((result as ExecutionResult).errors ?? []).map(codeOf)

const operationOf = ({ document, operationName }: Pick<ExecutionArgs, 'document' | 'operationName'>) => {
  const { type, fields } = rootFields(document, operationName)
  const [field = 'none', ...others] = fields
  return { type, field: others.length > 0 ? 'several' : field } satisfies MeasuredOperation
}

/** Times operations, over whatever transport, and counts their errors. The first of the plugins sees also what others refuse. */
export const measureOperations = (measure: Measure): Plugin => ({
  onParse:
    () =>
    ({ result }) => {
      if (result instanceof Error) measure.refused('GRAPHQL_PARSE_FAILED')
    },
  onValidate:
    () =>
    ({ result }) => {
      for (const { extensions } of result) {
        const code = extensions?.code
        measure.refused(typeof code === 'string' ? code : 'GRAPHQL_VALIDATION_FAILED')
      }
    },
  onExecute({ args }) {
    const operation = operationOf(args)
    const begunAt = performance.now()
    return {
      onExecuteDone({ result }) {
        measure.operationEnded({ ...operation, ms: performance.now() - begunAt, codes: codesOf(result) })
      },
    }
  },
  onSubscribe({ args }) {
    const operation = operationOf(args)
    const begunAt = performance.now()
    return {
      onSubscribeResult({ result }) {
        measure.operationEnded({ ...operation, ms: performance.now() - begunAt, codes: codesOf(result) })
      },
    }
  },
})
