import { methodsNamed } from './python-flows.ts'
import { reachable, trickSymbols } from './python-seeds.ts'
import type { RuleIndex } from './rule-index.ts'
import type { SyntaxNode } from './syntax-tree.ts'

/**
 * What an expression may be: a qualified name (`os.path`, `pathlib.Path()` for what a call of it gives), or the
 * node of a function, lambda, class or display of this module.
 */
export type Value = string | SyntaxNode

/** What attributes, items and calls of a value give. */
export interface Members {
  attribute(value: Value, name: string): readonly Value[]
  /** `key` is a constant, or null for any element. */
  item(value: Value, key: string | null): readonly Value[]
  callOf(symbol: string, given: readonly SyntaxNode[]): readonly Value[]
  /** The symbol, if rules know it or something that it leads to. */
  known(symbol: string): readonly Value[]
  module(name: string): readonly Value[]
  isUse(value: Value): boolean
}

interface Setting {
  readonly rules: RuleIndex
  visit(node: SyntaxNode): readonly Value[]
  elements(display: SyntaxNode, key: string | null): readonly Value[]
  constantOf(node: SyntaxNode): string | null
  /** What a name of the module stands for. */
  global(name: string): readonly Value[]
}

export const displays = new Set([
  'expression_list',
  'list',
  'tuple',
  'set',
  'dictionary',
  'list_comprehension',
  'set_comprehension',
  'generator_expression',
])

const displayReaders = new Set(['get', 'pop', 'setdefault', '__getitem__', 'values', 'copy'])

/** The tricks by which Python code reaches a name without writing it down are all known here. */
export function createMembers({ rules, visit, elements, constantOf, global }: Setting): Members {
  const isKnown = (symbol: string): boolean =>
    rules.leadsToRules(symbol) || rules.rulesFor(symbol).length > 0 || trickSymbols.has(symbol)

  const isUse = (value: Value): boolean => typeof value === 'string' && rules.rulesFor(value).length > 0

  const attribute = (value: Value, name: string): readonly Value[] => {
    if (typeof value !== 'string') {
      return displays.has(value.kind) && displayReaders.has(name) ? [value] : methodsNamed(value, name)
    }
    if (name === '__call__' || name === '__func__' || name === '__wrapped__') return [value]
    if (name === '__dict__' || name === '__getitem__') return [value]
    if (name === '__self__' && value.startsWith('builtins.')) return ['builtins']
    if (value === 'globals()' && (name === 'get' || name === 'pop' || name === '__getitem__')) return [`${value}.get`]
    if (name === '__getattribute__' || name === '__getattr__') return [`${value}.__getattribute__`]
    if ((value === 'sys.modules' || rules.roots.has(value)) && name === 'get' && !isKnown(`${value}.get`)) {
      return [`${value}.get`]
    }
    const symbol = rules.canonical(`${value}.${name}`)
    if (isKnown(symbol)) return [symbol]
    const bare = name.replace(/^_/, '')
    return reachable.has(bare) && !value.endsWith(')') ? [bare] : []
  }

  /** What a display holds; a function in it was reported where it was written, and is not followed. */
  const item = (value: Value, key: string | null): readonly Value[] => {
    if (typeof value !== 'string') return elements(value, key).filter((element) => !isUse(element))
    if (key === null) return known(`${value}[]`)
    if (value === 'sys.modules') return module(key)
    if (value === 'globals()') {
      const found = global(key)
      return found.length > 0 ? found : module(key)
    }
    if (rules.roots.has(value)) return attribute(value, key)
    return value.startsWith('ctypes.') ? known(`${value}.__getitem__`) : []
  }

  const known = (symbol: string): readonly Value[] => {
    const canonical = rules.canonical(symbol)
    return isKnown(canonical) ? [canonical] : []
  }

  const module = (name: string): readonly Value[] => {
    const path = name
      .split('.')
      .reduce((prefix, part) => rules.canonical(prefix === '' ? part : `${prefix}.${part}`), '')
    return isKnown(path) ? [path] : []
  }

  /** `type(f)` and `type(f.__code__)` build functions and code. */
  const typeOf = (of: SyntaxNode | undefined): readonly Value[] => {
    if (of?.kind === 'attribute' && of.field('attribute')?.text === '__code__') return known('types.CodeType')
    return of?.kind === 'lambda' ? known('types.FunctionType') : []
  }

  const callOf = (symbol: string, given: readonly SyntaxNode[]): readonly Value[] => {
    const argument = (position: number): SyntaxNode | undefined => given[position]
    const text = (position: number): string | null => {
      const node = argument(position)
      return node === undefined
        ? null
        : constantOf(node.kind === 'keyword_argument' ? (node.field('value') ?? node) : node)
    }
    const visitArgument = (position: number): readonly Value[] => {
      const node = argument(position)
      return node === undefined ? [] : visit(node)
    }
    const attributeOf = (position: number): readonly Value[] => {
      const values = visitArgument(position)
      const name = values.length === 0 ? null : text(position + 1)
      return name === null ? [] : values.flatMap((value) => attribute(value, name))
    }
    switch (symbol) {
      case 'builtins.getattr':
      case 'inspect.getattr_static':
      case 'builtins.object.__getattribute__':
      case 'builtins.type.__getattribute__':
        return attributeOf(0)
      case 'builtins.type':
        return given.length === 1 ? typeOf(given[0]) : []
      case 'builtins.vars':
        return given.length === 0 ? ['globals()'] : visitArgument(0)
      case 'builtins.globals':
      case 'builtins.locals':
        return ['globals()']
      case 'builtins.__import__':
      case 'importlib.__import__': {
        const name = text(0)
        if (name === null) return []
        return given.length > 3 ? module(name) : module(name.split('.')[0] ?? name)
      }
      case 'importlib.import_module': {
        const name = text(0)
        return name === null ? [] : module(name)
      }
      case 'operator.attrgetter':
      case 'operator.methodcaller':
      case 'operator.itemgetter': {
        const name = text(0)
        return name === null ? [] : [`${symbol}(${name})`]
      }
      default:
        break
    }
    const getter = /^operator\.(attrgetter|methodcaller|itemgetter)\((.*)\)$/s.exec(symbol)
    if (getter !== null) {
      const path = getter[1] === 'attrgetter' ? (getter[2] ?? '').split('.') : [getter[2] ?? '']
      return path.reduce<readonly Value[]>(
        (values, name) =>
          values.flatMap((value) => (getter[1] === 'itemgetter' ? item(value, name) : attribute(value, name))),
        visitArgument(0),
      )
    }
    if (symbol.endsWith('.__getattribute__')) {
      const name = text(0)
      return name === null ? [] : attribute(symbol.slice(0, -'.__getattribute__'.length), name)
    }
    if (symbol === 'globals().get' || symbol === 'sys.modules.get' || (symbol.endsWith('.get') && !isKnown(symbol))) {
      const name = text(0)
      return name === null ? [] : item(symbol.slice(0, -'.get'.length), name)
    }
    return known(`${symbol}()`)
  }

  return { attribute, item, callOf, known, module, isUse }
}
