import SchemaBuilder from '@pothos/core'
import ErrorsPlugin from '@pothos/plugin-errors'
import RelayPlugin from '@pothos/plugin-relay'
import { DateTimeISOResolver, JSONResolver } from 'graphql-scalars'
import type { GraphQLContext } from './context.ts'

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
    nodeQueryOptions: { description: 'Any object by its id; null when there is none that the viewer can see.' },
    nodesQueryOptions: { description: 'The same for several ids, in their order.' },
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
  serialize: (value) => dateTime.serialize(value),
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
    if (value instanceof File) return value
    throw new TypeError('must be a file of a multipart request')
  },
})
