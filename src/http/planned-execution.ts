import { type DocumentNode, type ExecutionArgs, type GraphQLSchema, getVariableValues } from 'graphql'
import type { Plugin } from 'graphql-yoga'
import type { OperationPlan } from './complete-values.ts'
import { planOperation } from './plan-operation.ts'
import { runPlan } from './run-plan.ts'

type Plans = Map<string, OperationPlan | null>

// Of a document's operations; a client may name any number that are not there, at any length.
const mostPlans = 20
const longestName = 200
// Whether variables are right: what is wrong with each of a million is not looked for here.
const onlyWhether = { maxErrors: 1 }

/** Executes queries by a plan that is made once for each document that is kept; what is not planned as it comes. */
export const executePlanned = (schema: GraphQLSchema): Plugin => {
  const plans = new WeakMap<DocumentNode, Plans>()
  const planOf = ({ document, operationName }: ExecutionArgs): OperationPlan | null => {
    const ofDocument: Plans = plans.get(document) ?? new Map()
    plans.set(document, ofDocument)
    const name = operationName ?? ''
    const known = ofDocument.get(name)
    if (known !== undefined) return known
    const plan = planOperation(schema, document, operationName) ?? null
    if (ofDocument.size < mostPlans && name.length <= longestName) ofDocument.set(name, plan)
    return plan
  }
  return {
    onExecute({ args, setExecuteFn }) {
      const plan = args.schema === schema ? planOf(args) : null
      if (!plan) return
      const { variableDefinitions = [] } = plan.operation
      const { variableValues } = getVariableValues(schema, variableDefinitions, args.variableValues ?? {}, onlyWhether)
      // What is wrong with them is said as it always is.
      if (variableValues) setExecuteFn((given) => runPlan(plan, given, variableValues))
    },
  }
}
