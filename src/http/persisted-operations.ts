import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { GraphQLError, type GraphQLSchema, parse, validate } from 'graphql'
import type { Plugin } from 'graphql-yoga'
import { z } from 'zod'
import type { PersistedRules } from './limits.ts'

/** What was wrong with the file of persisted operations: every fault at once. */
export class PersistedOperationsError extends Error {
  override readonly name = 'PersistedOperationsError'
  constructor(file: string, faults: readonly string[]) {
    super(`PERSISTED_OPERATIONS: ${file} cannot be used:\n${faults.map((fault) => `  ${fault}`).join('\n')}`)
  }
}

/** What a client sends of an operation. */
export interface SentOperation {
  readonly query?: unknown
  readonly extensions?: unknown
}

export interface PersistedOperations {
  /**
   * The document that a client means.
   * @returns undefined when nothing is to be replaced
   * @throws GraphQLError for a hash that is not known, and for a document that is not among them where no other is taken
   */
  documentOf(sent: SentOperation): string | undefined
}

const shape = z.record(z.string(), z.string())
const asked = z.object({ persistedQuery: z.object({ sha256Hash: z.string() }) })

const hashOf = (document: string): string => createHash('sha256').update(document).digest('hex')

/** What is wrong with an entry; undefined for one that can be executed. */
const faultOf = (schema: GraphQLSchema, hash: string, document: string): string | undefined => {
  const own = hashOf(document)
  if (own !== hash.toLowerCase()) return `the SHA-256 of its document is ${own}`
  try {
    return validate(schema, parse(document))[0]?.message
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

const readDocuments = async (file: string, schema: GraphQLSchema): Promise<ReadonlyMap<string, string>> => {
  let entries: Readonly<Record<string, string>>
  try {
    entries = shape.parse(JSON.parse(await readFile(file, 'utf8')))
  } catch (error) {
    const words = error instanceof z.ZodError ? 'it is no JSON object of documents by their SHA-256' : String(error)
    throw new PersistedOperationsError(file, [words])
  }
  const faults = Object.entries(entries).flatMap(([hash, document]) => {
    const fault = faultOf(schema, hash, document)
    return fault === undefined ? [] : [`${JSON.stringify(hash)}: ${fault}`]
  })
  if (faults.length > 0) throw new PersistedOperationsError(file, faults)
  return new Map(Object.entries(entries).map(([hash, document]) => [hash.toLowerCase(), document]))
}

// The code and message by which clients of automatic persisted queries know that they are to send the document.
const notFound = (hash: string): GraphQLError =>
  new GraphQLError('PersistedQueryNotFound', {
    extensions: { code: 'PERSISTED_QUERY_NOT_FOUND', sha256Hash: hash.slice(0, 64), http: { status: 400, spec: true } },
  })

const onlyPersisted = (): GraphQLError =>
  new GraphQLError('This server executes the operations that it was configured with, and no others.', {
    extensions: { code: 'PERSISTED_OPERATION_ONLY', http: { status: 403 } },
  })

/**
 * Reads the operations that clients may ask for by their hash.
 * @throws PersistedOperationsError that names every document that the schema does not have, or whose hash is another
 */
export const readPersistedOperations = async (
  { file, only }: PersistedRules,
  schema: GraphQLSchema,
): Promise<PersistedOperations> => {
  const documents = file === undefined ? new Map<string, string>() : await readDocuments(file, schema)
  return {
    documentOf({ query, extensions }) {
      // A string of length 0 stands for none where the protocol wants one.
      if (query !== undefined && query !== null && query !== '') {
        if (only && !(typeof query === 'string' && documents.has(hashOf(query)))) throw onlyPersisted()
        return undefined
      }
      const hash = asked.safeParse(extensions).data?.persistedQuery.sha256Hash.toLowerCase()
      if (hash === undefined) {
        if (only) throw onlyPersisted()
        return undefined
      }
      const document = documents.get(hash)
      if (document === undefined) throw notFound(hash)
      return document
    },
  }
}

/** Takes operations over HTTP by their hash. */
export const usePersisted = (persisted: PersistedOperations): Plugin => ({
  onParams({ params, setParams }) {
    // What is no object is refused behind this.
    const document = persisted.documentOf(params ?? {})
    if (document !== undefined) setParams({ ...params, query: document })
  },
})
