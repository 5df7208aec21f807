import {
  type DocumentNode,
  type FragmentDefinitionNode,
  Kind,
  type OperationDefinitionNode,
  type SelectionSetNode,
} from 'graphql'

/** What an operation asks for, in the schema's words: a client's own names are anybody's. */
export interface RootFields {
  readonly type: OperationDefinitionNode['operation']
  /** Each once. */
  readonly fields: readonly string[]
}

/** The fields of the schema's root types that a valid document's operation selects. */
export const rootFields = (document: DocumentNode, operationName: string | null | undefined): RootFields => {
  const fragments = new Map<string, FragmentDefinitionNode>()
  const operations: OperationDefinitionNode[] = []
  for (const definition of document.definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments.set(definition.name.value, definition)
    if (definition.kind === Kind.OPERATION_DEFINITION) operations.push(definition)
  }
  const operation = operationName ? operations.find(({ name }) => name?.value === operationName) : operations[0]
  const found = new Set<string>()
  const entered = new Set<string>()
  const look = (selected: SelectionSetNode | undefined): void => {
    for (const selection of selected?.selections ?? []) {
      if (selection.kind === Kind.FIELD) found.add(selection.name.value)
      else if (selection.kind === Kind.INLINE_FRAGMENT) look(selection.selectionSet)
      else if (!entered.has(selection.name.value)) {
        entered.add(selection.name.value)
        look(fragments.get(selection.name.value)?.selectionSet)
      }
    }
  }
  look(operation?.selectionSet)
  return { type: operation?.operation ?? 'query', fields: [...found] }
}
