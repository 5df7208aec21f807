import { type GraphQLSchema, isInterfaceType } from 'graphql'
import { globalId } from '../domain/shared/global-id.ts'

/**
 * Gives the nodes' ids at once: the library makes promises for each, and every object and list around it has to wait for
 * them. A node's id is that of its row.
 */
export const withNodeIds = (schema: GraphQLSchema): GraphQLSchema => {
  const node = schema.getType('Node')
  if (!isInterfaceType(node)) throw new Error('The schema has no nodes.')
  for (const type of schema.getPossibleTypes(node)) {
    const { id } = type.getFields()
    if (id) id.resolve = (row: { readonly id: string }) => globalId(type.name, row.id)
  }
  return schema
}
