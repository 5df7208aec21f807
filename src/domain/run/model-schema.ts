import { z } from 'zod'

/** The JSON schema keywords that both providers' strict modes take; what others would say is checked on the answer. */
const understood = new Set([
  'type',
  'properties',
  'required',
  'additionalProperties',
  'items',
  'enum',
  'const',
  'anyOf',
  'description',
])

const simplify = (schema: unknown, isKeywordMap = true): unknown => {
  if (Array.isArray(schema)) return schema.map((member) => simplify(member))
  if (schema === null || typeof schema !== 'object') return schema
  return Object.fromEntries(
    Object.entries(schema)
      .filter(([key]) => !isKeywordMap || understood.has(key))
      .map(([key, member]) => [
        key,
        key === 'enum' || key === 'required' ? member : simplify(member, key !== 'properties'),
      ]),
  )
}

/** A zod schema as the JSON schema that a model is given. */
export const modelSchema = (schema: z.ZodType): Record<string, unknown> =>
  simplify(z.toJSONSchema(schema)) as Record<string, unknown>
