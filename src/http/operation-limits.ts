import { type DocumentNode, GraphQLError, type GraphQLSchema, type parse } from 'graphql'
import type { GraphQLParams, Plugin } from 'graphql-yoga'
import { comparesMoreThan } from './field-comparisons.ts'
import { createKnownSizes } from './known-sizes.ts'
import { maxDocumentLength, maxFieldComparisons, type OperationLimits } from './limits.ts'
import type { AskedOperation, OperationSize } from './operation-size.ts'

const tooMuch = (code: string, message: string): GraphQLError =>
  // As for other documents that are not valid: 400, or 200 for a client that takes nothing but application/json.
  new GraphQLError(message, { extensions: { code, http: { status: 400, spec: true } } })

const tooDeeplyNested = (): GraphQLError =>
  tooMuch('QUERY_TOO_DEEP', 'The operation is nested too deeply to be read: thousands of levels.')

const tooRepetitive = (): GraphQLError =>
  tooMuch(
    'QUERY_TOO_REPETITIVE',
    `The document has the same fields in the same places so often that over ${maxFieldComparisons} pairs of them would have to be compared: ask for each once.`,
  )

const tooMuchIntrospection = (introspections: number): GraphQLError =>
  tooMuch(
    'QUERY_TOO_REPETITIVE',
    `The operation asks for the schema itself ${introspections} times over, \`__schema\` and \`__type\` and what has another name in them, and once is taken: send the questions by themselves.`,
  )

/** The error for a size beyond the limits, with both; undefined for one that may be executed. */
export const sizeError = (size: OperationSize, limits: OperationLimits): GraphQLError | undefined => {
  if (size.depth > limits.maxDepth) {
    return tooMuch(
      'QUERY_TOO_DEEP',
      `The operation is ${size.depth} fields deep, and ${limits.maxDepth} are taken: ask for what lies deeper by its id.`,
    )
  }
  if (size.aliases > limits.maxAliases) {
    return tooMuch(
      'QUERY_TOO_MANY_ALIASES',
      `The operation has ${size.aliases} aliases, and ${limits.maxAliases} are taken: send it in parts.`,
    )
  }
  if (size.introspections > 1) return tooMuchIntrospection(size.introspections)
  if (size.cost > limits.maxCost) {
    const cost = size.cost > Number.MAX_SAFE_INTEGER ? `over ${Number.MAX_SAFE_INTEGER}` : size.cost
    return tooMuch(
      'QUERY_TOO_COSTLY',
      `The operation costs ${cost}, and ${limits.maxCost} is taken: ask for smaller pages with \`first\`, or for fewer patches, files and outputs at once.`,
    )
  }
  return undefined
}

/** Parses no further than the limit, and no deeper than the stack. */
const parseWithin =
  (maxTokens: number, parseAll: typeof parse): typeof parse =>
  (source, options) => {
    const { length } = typeof source === 'string' ? source : source.body
    if (length > maxDocumentLength) {
      throw tooMuch(
        'QUERY_TOO_LONG',
        `The document has ${length} characters, and ${maxDocumentLength} are taken: send values as variables.`,
      )
    }
    try {
      // Comments are no tokens, and are kept like them.
      return parseAll(source, { ...options, maxTokens, maxComments: maxTokens })
    } catch (error) {
      if (error instanceof RangeError) throw tooDeeplyNested()
      const isTooLong = error instanceof GraphQLError && /more than \d+ (tokens|comments)/.test(error.message)
      if (!isTooLong) throw error
      throw tooMuch(
        'QUERY_TOO_LONG',
        `The document, of ${length} characters, has more than ${maxTokens} tokens or comments, which is what is taken: send values as variables, and operations by themselves.`,
      )
    }
  }

/**
 * Refuses operations that are too large, over whatever transport: before the whole of them is parsed, or else before
 * they are validated, since validation takes time as well.
 * @param note is told the code of each that was parsed and is refused
 */
export const limitOperations = (
  limits: OperationLimits,
  note: (code: string) => void,
): Plugin<{ readonly params?: GraphQLParams }> => {
  // Documents that are sent again are parsed once, and need not be looked through again.
  const withoutRepetition = new WeakSet<DocumentNode>()
  const sizeOf = createKnownSizes()
  const errorOf = (schema: GraphQLSchema, document: DocumentNode, asked: AskedOperation): GraphQLError | undefined => {
    try {
      if (!withoutRepetition.has(document) && comparesMoreThan(maxFieldComparisons, document)) return tooRepetitive()
      withoutRepetition.add(document)
      return sizeError(sizeOf(schema, document, asked), limits)
    } catch (fault) {
      if (fault instanceof RangeError) return tooDeeplyNested()
      throw fault
    }
  }
  return {
    onParse({ parseFn, setParseFn }) {
      setParseFn(parseWithin(limits.maxTokens, parseFn as typeof parse))
    },
    onValidate({ params: { schema, documentAST }, context }) {
      const { operationName, variables } = context.params ?? {}
      const error = errorOf(schema, documentAST, { operationName, variables })
      if (!error) return
      note(String(error.extensions.code))
      throw error
    },
  }
}
