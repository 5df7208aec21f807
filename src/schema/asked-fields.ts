import { type DocumentNode, Kind, type SelectionSetNode } from 'graphql'

/** What an operation asks for, once that is known. */
export interface Asking {
  /** The names of the fields in its document, at any place; undefined stands for any. */
  fields?: ReadonlySet<string>
}

const known = new WeakMap<DocumentNode, ReadonlySet<string>>()

/** The names of all fields that a document selects: found once for each document that is kept. */
export const askedFields = (document: DocumentNode): ReadonlySet<string> => {
  const earlier = known.get(document)
  if (earlier) return earlier
  const names = new Set<string>()
  const look = ({ selections }: SelectionSetNode): void => {
    for (const selection of selections) {
      if (selection.kind === Kind.FIELD) names.add(selection.name.value)
      if (selection.kind !== Kind.FRAGMENT_SPREAD && selection.selectionSet) look(selection.selectionSet)
    }
  }
  for (const definition of document.definitions) {
    if ('selectionSet' in definition && definition.selectionSet) look(definition.selectionSet)
  }
  known.set(document, names)
  return names
}
