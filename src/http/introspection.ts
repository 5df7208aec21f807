import { NoSchemaIntrospectionCustomRule, validate } from 'graphql'
import type { Plugin } from 'graphql-yoga'

/** Says nothing of the schema, also not by guessing what a client meant. */
export const hideSchema = (): Plugin => ({
  onValidate({ addValidationRule, setValidationFn }) {
    addValidationRule(NoSchemaIntrospectionCustomRule)
    setValidationFn((schema, document, rules) => validate(schema, document, rules, { hideSuggestions: true }))
  },
})
