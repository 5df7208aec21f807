import { createHash } from 'node:crypto'
import {
  type DocumentNode,
  type ExecutionArgs,
  getOperationAST,
  Kind,
  type OperationDefinitionNode,
  visit,
} from 'graphql'

/** Longer ones are digested. */
const longKey = 1_000

/** The variables that say what is shown of an event; those of the subscribed field itself say which events. */
const shownVariables = (document: DocumentNode, operation: OperationDefinitionNode): readonly string[] => {
  const names = new Set<string>()
  const ofField = new Set(
    operation.selectionSet.selections.flatMap((node) => (node.kind === Kind.FIELD ? (node.arguments ?? []) : [])),
  )
  visit(document, {
    VariableDefinition: () => false,
    Argument: (node) => (ofField.has(node) ? false : undefined),
    Variable: ({ name }) => {
      names.add(name.value)
    },
  })
  return [...names].sort()
}

/** Gives equal keys to subscriptions that show the same of an event. */
export const createSubscriptionKeys = () => {
  const documents = new WeakMap<
    DocumentNode,
    { readonly number: number; readonly names: Map<string, readonly string[]> }
  >()
  let count = 0
  return ({ document, operationName, variableValues }: ExecutionArgs): string | undefined => {
    const operation = getOperationAST(document, operationName)
    if (!operation) return undefined
    const known = documents.get(document) ?? { number: ++count, names: new Map<string, readonly string[]>() }
    documents.set(document, known)
    const name = operation.name?.value ?? ''
    const names = known.names.get(name) ?? shownVariables(document, operation)
    known.names.set(name, names)
    const given = variableValues ?? {}
    // One that is left out has its default, and null is null.
    const values = names.map((each) => (Object.hasOwn(given, each) ? [given[each]] : []))
    const key = `${known.number} ${name} ${JSON.stringify(values)}`
    return key.length > longKey ? createHash('sha256').update(key).digest('hex') : key
  }
}
