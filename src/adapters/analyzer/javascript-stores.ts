import type { NameTable } from './javascript-names.ts'
import type { ValueSource } from './javascript-scopes.ts'
import type { Node } from './javascript-tree.ts'

/** What is put into properties, by their names. */
export interface Stores {
  /** For a name, on whatever object; for `globalThis.name`, on the global object only. */
  named(name: string): readonly ValueSource[]
}

const globalObjects = new Set(['globalThis', 'global', 'window', 'self'])

export function createStores(
  stores: NameTable['stores'],
  constantsOf: (node: Node) => readonly string[] | null,
): Stores {
  const written = new Map<string, ValueSource[]>()
  let computed: Map<string, ValueSource[]> | undefined
  for (const { key, object, source } of stores) {
    if (typeof key !== 'string') continue
    file(written, key, source)
    if (object?.type === 'Identifier' && globalObjects.has(object.name)) file(written, `globalThis.${key}`, source)
  }

  const byComputedName = (): ReadonlyMap<string, readonly ValueSource[]> => {
    if (computed !== undefined) return computed
    // To find out what a name is, this may be asked for again: then it is not known yet.
    computed = new Map()
    for (const { key, source } of stores) {
      if (typeof key === 'string') continue
      for (const name of constantsOf(key.computed) ?? []) file(computed, name, source)
    }
    return computed
  }
  return { named: (name) => [...(written.get(name) ?? []), ...(byComputedName().get(name) ?? [])] }
}

function file(map: Map<string, ValueSource[]>, key: string, value: ValueSource): void {
  const values = map.get(key) ?? []
  values.push(value)
  map.set(key, values)
}
