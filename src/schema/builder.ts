import SchemaBuilder from '@pothos/core'
import ErrorsPlugin from '@pothos/plugin-errors'
import RelayPlugin from '@pothos/plugin-relay'
import { GraphQLError } from 'graphql'
import { DateTimeISOResolver, JSONResolver } from 'graphql-scalars'
import { fieldFault } from '../domain/shared/validate.ts'
import type { GraphQLContext } from './context.ts'
import { readId } from './ids.ts'
import { maxPageSize } from './pages.ts'

// A well-formed id that nothing has.
const nothing = { typename: 'Project', id: '00000000-0000-0000-0000-000000000000' }

/** What a client sent as an id may be anything: what cannot be the id of an object that is loaded by id names nothing. */
const decodeGlobalID = (globalId: string): { typename: string; id: string } => {
  const typename = Buffer.from(globalId, 'base64').toString('utf8').split(':', 1)[0] ?? ''
  const config = builder.configStore.typeConfigs.get(typename)
  const id = config?.kind === 'Object' && 'loadOne' in config.pothosOptions ? readId(typename, globalId) : undefined
  return id === undefined ? nothing : { typename, id }
}

// The HTTP adapter has a File class of its own; what JSON can carry has no methods.
const isUpload = (value: unknown): value is File =>
  typeof value === 'object' && value !== null && 'stream' in value && typeof value.stream === 'function'

const capitalize = (name: string): string => `${name.charAt(0).toUpperCase()}${name.slice(1)}`

/** Plugins and scalars; the types are in types/, the operations in ../resolvers/. */
export const builder = new SchemaBuilder<{
  Context: GraphQLContext
  DefaultFieldNullability: false
  Scalars: {
    ID: { Input: string; Output: string }
    DateTime: { Input: Date; Output: Date }
    JSON: { Input: unknown; Output: unknown }
    File: { Input: File; Output: never }
  }
}>({
  plugins: [RelayPlugin, ErrorsPlugin],
  defaultFieldNullability: false,
  relay: {
    nodesOnConnection: true,
    cursorType: 'String',
    decodeGlobalID,
    nodeQueryOptions: { description: 'Any object by its id; null when there is none that the viewer can see.' },
    nodesQueryOptions: {
      description: `The same for several ids, in their order: at most ${maxPageSize}.`,
      resolve: (_root, { ids }, _context, _info, resolveNodes) => {
        if (ids.length > maxPageSize) {
          throw fieldFault('ids', `names ${ids.length} objects, and ${maxPageSize} are taken: ask in several requests`)
        }
        return resolveNodes(ids)
      },
    },
  },
  errors: {
    defaultTypes: [],
    directResult: true,
    defaultUnionOptions: { name: ({ fieldName }) => `${capitalize(fieldName)}Result` },
  },
})

builder.queryType({ description: 'Reads.' })
builder.mutationType({
  description:
    'Changes. Each answers with a union of the object and the errors that apply: ask for `__typename`, the object, and `... on DomainError { code message }`.',
})
builder.subscriptionType({
  description: 'What happens, as it happens. Resume after a cursor: nothing is missed or repeated.',
})

const dateTime = DateTimeISOResolver
builder.scalarType('DateTime', {
  description: 'A time in ISO 8601, in UTC.',
  // As the library does it after a second look; an event has little else to be told.
  serialize: (value) =>
    value instanceof Date && !Number.isNaN(value.getTime()) ? value.toISOString() : dateTime.serialize(value),
  parseValue: (value) => dateTime.parseValue(value) as Date,
})
builder.scalarType('JSON', {
  description: 'Any JSON value.',
  serialize: (value) => value,
  parseValue: (value) => JSONResolver.parseValue(value),
})
builder.scalarType('File', {
  description: 'A file, uploaded by the GraphQL multipart request specification.',
  serialize: () => {
    throw new TypeError('A file is only ever an input.')
  },
  parseValue: (value) => {
    if (isUpload(value)) return value
    throw new GraphQLError('must be a file of a multipart request', { extensions: { code: 'BAD_USER_INPUT' } })
  },
})
