export interface SchemaRules {
  /** True where every property has to be required. */
  readonly allRequired: boolean
  /** Keywords that the API does not take. */
  readonly refused: ReadonlySet<string>
}

export interface SchemaFault {
  readonly where: readonly string[]
  readonly what: 'additionalProperties' | 'required' | 'keyword'
  readonly detail: string
}

/** The first thing in a JSON schema that an API which answers by that schema would refuse. */
export function schemaFault(schema: unknown, rules: SchemaRules, where: readonly string[] = []): SchemaFault | null {
  if (typeof schema !== 'object' || schema === null) return null
  const node = new Map<string, unknown>(Object.entries(schema))
  const keyword = [...node.keys()].find((key) => rules.refused.has(key))
  if (keyword !== undefined) return { where, what: 'keyword', detail: keyword }
  const properties = Object.entries(node.get('properties') ?? {})
  if ([node.get('type')].flat().includes('object') || properties.length > 0) {
    if (node.get('additionalProperties') !== false) {
      return { where, what: 'additionalProperties', detail: 'additionalProperties' }
    }
    const required = [node.get('required') ?? []].flat()
    const missing = rules.allRequired ? properties.find(([name]) => !required.includes(name)) : undefined
    if (missing) return { where, what: 'required', detail: missing[0] }
  }
  const children: [string[], unknown][] = [
    ...properties.map(([name, child]): [string[], unknown] => [['properties', name], child]),
    ...Object.entries(node.get('$defs') ?? {}).map(([name, child]): [string[], unknown] => [['$defs', name], child]),
    [['items'], node.get('items')],
    ...['anyOf', 'allOf', 'oneOf'].flatMap((key) =>
      [node.get(key) ?? []].flat().map((child, index): [string[], unknown] => [[key, String(index)], child]),
    ),
  ]
  for (const [step, child] of children) {
    const fault = schemaFault(child, rules, [...where, ...step])
    if (fault) return fault
  }
  return null
}

const typeNames = new Set(['string', 'number', 'integer', 'boolean', 'object', 'array', 'null'])

/** Where a JSON schema breaks the rules of JSON schemas themselves; null when it keeps them. */
export function draftFault(schema: unknown, where: readonly string[] = []): readonly string[] | null {
  if (typeof schema === 'boolean') return null
  if (typeof schema !== 'object' || schema === null || Array.isArray(schema)) return where
  const node = new Map<string, unknown>(Object.entries(schema))
  const types = node.has('type') ? [node.get('type')].flat() : []
  const required = node.get('required') ?? []
  const properties = node.get('properties') ?? {}
  if (!types.every((type) => typeNames.has(String(type)))) return [...where, 'type']
  if (!Array.isArray(required) || !required.every((name) => typeof name === 'string')) return [...where, 'required']
  if (node.has('enum') && !Array.isArray(node.get('enum'))) return [...where, 'enum']
  if (typeof properties !== 'object' || Array.isArray(properties)) return [...where, 'properties']
  const lists = ['anyOf', 'allOf', 'oneOf'].filter((key) => node.has(key))
  const badList = lists.find((key) => !Array.isArray(node.get(key)))
  if (badList) return [...where, badList]
  const children: [string[], unknown][] = [
    ...Object.entries(properties).map(([name, child]): [string[], unknown] => [['properties', name], child]),
    ...(node.has('items') ? [[['items'], node.get('items')] as [string[], unknown]] : []),
    ...lists.flatMap((key) =>
      [node.get(key)].flat().map((child, index): [string[], unknown] => [[key, String(index)], child]),
    ),
  ]
  for (const [step, child] of children) {
    const fault = draftFault(child, [...where, ...step])
    if (fault) return fault
  }
  return null
}
