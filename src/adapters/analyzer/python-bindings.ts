import { isComprehension, scopeOf, scopeOutsideComprehensions } from './python-scopes.ts'
import type { SyntaxNode } from './syntax-tree.ts'

/** Where a bound name gets its value from. */
export type ValueSource =
  | { readonly from: 'import'; readonly symbol: string }
  | { readonly from: 'definition'; readonly node: SyntaxNode }
  | { readonly from: 'parameter'; readonly owner: SyntaxNode; readonly parameter: SyntaxNode }
  /** Assigned; `path` leads into it: a position, or null for any element. */
  | { readonly from: 'expression'; readonly node: SyntaxNode; readonly path: readonly (number | null)[] }
  | { readonly from: 'annotation'; readonly node: SyntaxNode }
  | { readonly from: 'unknown' }

export interface Binding {
  readonly identifier: SyntaxNode
  readonly scope: SyntaxNode
  readonly source: ValueSource
}

/** What an identifier does where it stands. */
export type Role =
  | { readonly role: 'load' }
  | { readonly role: 'attribute'; readonly expression: SyntaxNode }
  | { readonly role: 'bind'; readonly binding: Binding }
  | { readonly role: 'delete'; readonly scope: SyntaxNode }
  | { readonly role: 'declare'; readonly kind: 'global' | 'nonlocal'; readonly scope: SyntaxNode }
  | { readonly role: 'none' }

const load: Role = { role: 'load' }
const none: Role = { role: 'none' }
const patternKinds = new Set([
  'pattern_list',
  'tuple_pattern',
  'list_pattern',
  'list_splat_pattern',
  'dictionary_splat_pattern',
])
const displayKinds = new Set(['tuple', 'list', 'list_splat', 'parenthesized_expression', 'expression_list'])

/** Python compares identifiers under NFKC. */
export function nameOf(identifier: SyntaxNode): string {
  return identifier.name
}

export function roleOf(identifier: SyntaxNode): Role {
  const parent = identifier.parent
  if (parent === null) return none
  switch (parent.kind) {
    case 'attribute':
      return parent.field('attribute') === identifier ? { role: 'attribute', expression: parent } : load
    case 'keyword_argument':
      return parent.field('name') === identifier ? none : load
    case 'keyword_pattern':
      return none
    case 'dotted_name':
      return dottedNameRole(identifier, parent)
    case 'aliased_import':
      return bind(identifier, scopeOf(parent), importSource(parent.parent, parent.field('name')))
    case 'function_definition':
    case 'class_definition':
      return parent.field('name') === identifier
        ? bind(identifier, scopeOf(parent), { from: 'definition', node: parent })
        : load
    case 'global_statement':
    case 'nonlocal_statement': {
      const kind = parent.kind === 'global_statement' ? 'global' : 'nonlocal'
      return { role: 'declare', kind, scope: scopeOf(parent) }
    }
    case 'named_expression':
      return parent.field('name') === identifier
        ? bind(identifier, scopeOutsideComprehensions(parent), expression(parent.field('value'), []))
        : load
    case 'default_parameter':
    case 'typed_default_parameter':
      return parent.field('name') === identifier ? parameterRole(identifier, parent) : load
    case 'typed_parameter':
    case 'parameters':
    case 'lambda_parameters':
      return parameterRole(identifier, parent.kind === 'typed_parameter' ? parent : identifier)
    case 'type_parameter':
      return parent.field('name') === identifier ? typeParameterRole(identifier, parent) : load
    case 'type_alias_statement':
    case 'splat_pattern':
      return bind(identifier, scopeOf(parent), { from: 'unknown' })
    default:
      return targetRole(identifier)
  }
}

function bind(identifier: SyntaxNode, scope: SyntaxNode, source: ValueSource): Role {
  return { role: 'bind', binding: { identifier, scope, source } }
}

function expression(node: SyntaxNode | null, path: readonly (number | null)[]): ValueSource {
  return node === null ? { from: 'unknown' } : { from: 'expression', node, path }
}

function dottedNameRole(identifier: SyntaxNode, dotted: SyntaxNode): Role {
  const statement = dotted.parent
  switch (statement?.kind) {
    case 'import_statement':
      return dotted.children[0] === identifier
        ? bind(identifier, scopeOf(dotted), { from: 'import', symbol: nameOf(identifier) })
        : none
    case 'import_from_statement':
      return statement.field('module_name') === dotted
        ? none
        : bind(identifier, scopeOf(dotted), importSource(statement, dotted))
    case 'aliased_import':
    case 'future_import_statement':
    case 'relative_import':
    case 'class_pattern':
    case undefined:
      return none
    default:
      // A single name in a case pattern captures; a dotted one is looked up and compared.
      return dotted.children.length === 1 ? bind(identifier, scopeOf(dotted), { from: 'unknown' }) : none
  }
}

function importSource(statement: SyntaxNode | null, name: SyntaxNode | null): ValueSource {
  if (statement === null || name === null) return { from: 'unknown' }
  if (statement.kind === 'import_statement') return { from: 'import', symbol: dottedText(name) }
  const module = importedModule(statement)
  return module === null ? { from: 'unknown' } : { from: 'import', symbol: `${module}.${dottedText(name)}` }
}

/** The module a `from` statement names; null for a relative one, which is the project's own. */
export function importedModule(statement: SyntaxNode): string | null {
  const module = statement.field('module_name')
  return module?.kind === 'dotted_name' ? dottedText(module) : null
}

function dottedText(dotted: SyntaxNode): string {
  return dotted.children.map(nameOf).join('.')
}

/** It is seen in the whole body of its definition (PEP 695); that of an alias only in the alias. */
function typeParameterRole(identifier: SyntaxNode, parameter: SyntaxNode): Role {
  const definition = parameter.parent?.parent
  const hasBody = definition?.kind === 'function_definition' || definition?.kind === 'class_definition'
  return hasBody ? bind(identifier, definition, { from: 'unknown' }) : none
}

function parameterRole(identifier: SyntaxNode, parameter: SyntaxNode): Role {
  let owner = parameter.parent
  while (owner !== null && owner.kind !== 'function_definition' && owner.kind !== 'lambda') owner = owner.parent
  return owner === null ? none : bind(identifier, owner, { from: 'parameter', owner, parameter })
}

/** Assignment targets, loop variables, `as` names and the like; anything else is a load. */
function targetRole(identifier: SyntaxNode): Role {
  let target = identifier
  let above = identifier.parent
  const path: (number | null)[] = []
  while (above !== null && (patternKinds.has(above.kind) || displayKinds.has(above.kind))) {
    if (above.kind.includes('splat')) path.unshift(null)
    else if (!above.kind.startsWith('parenthesized')) path.unshift(above.children.indexOf(target))
    target = above
    above = above.parent
  }
  // After a starred target, positions are not known.
  const known = target.text.includes('*') ? path.map(() => null) : path

  switch (above?.kind) {
    case 'assignment': {
      if (above.field('left') !== target) return load
      const annotation = above.field('type')
      let value = above.field('right')
      while (value?.kind === 'assignment') value = value.field('right')
      if (value === null && annotation !== null)
        return bind(identifier, scopeOf(above), { from: 'annotation', node: annotation })
      return bind(identifier, scopeOf(above), expression(value, known))
    }
    case 'augmented_assignment':
      return above.field('left') === target ? bind(identifier, scopeOf(above), { from: 'unknown' }) : load
    case 'for_statement':
    case 'for_in_clause': {
      if (above.field('left') !== target) return load
      const scope = above.kind === 'for_statement' ? scopeOf(above) : (above.parent ?? above)
      return bind(identifier, scope, expression(above.field('right'), [null, ...known]))
    }
    case 'as_pattern_target': {
      const pattern = above.parent
      const isWith = pattern?.parent?.kind === 'with_item' || pattern?.parent?.kind === 'tuple'
      return bind(
        identifier,
        scopeOf(above),
        isWith ? expression(pattern?.children[0] ?? null, known) : { from: 'unknown' },
      )
    }
    case 'as_pattern':
      // `case ... as name`: the last child is a bare identifier.
      return above.parent?.kind === 'case_pattern' && above.children.at(-1) === target
        ? bind(identifier, scopeOf(above), { from: 'unknown' })
        : load
    case 'delete_statement':
      return { role: 'delete', scope: scopeOf(above) }
    case 'parameters':
    case 'lambda_parameters':
    case 'typed_parameter':
      return parameterRole(identifier, target)
    default:
      return load
  }
}

/** True when the binding stands before the use, and is not made of it: `a = f(a)` reads what `a` was. */
export function isEarlier({ identifier, source }: Binding, use: SyntaxNode): boolean {
  if (identifier.start >= use.start) return false
  const made = source.from === 'expression' ? source.node : null
  for (let node: SyntaxNode | null = use; node !== null; node = node.parent) if (node === made) return false
  return true
}

/**
 * True when the binding may not have happened where the name is used, although it stands earlier: it is under a
 * condition or in a loop, and the use is not in the same branch.
 */
export function isConditional(binding: Binding, use: SyntaxNode | null): boolean {
  const around = new Set<SyntaxNode>()
  for (let node = use; node !== null && node !== binding.scope; node = node.parent) around.add(node)
  let child = binding.identifier
  for (let node = child.parent; node !== null && node !== binding.scope; node = node.parent) {
    const isBranching = isComprehension(node) || isPassedBy(node, child)
    if (around.has(node)) return isBranching && !around.has(child) && !isLoopVariableIn(node, child, around)
    if (isBranching) return true
    child = node
  }
  return false
}

/** Control may go around this part of the node. A condition is looked at on every way; a `with` may swallow a fault. */
function isPassedBy(node: SyntaxNode, child: SyntaxNode): boolean {
  if (node.kind === 'with_statement') return child.kind === 'block'
  return conditionalKinds.has(node.kind) && node.field('condition') !== child
}

function isLoopVariableIn(loop: SyntaxNode, target: SyntaxNode, around: ReadonlySet<SyntaxNode>): boolean {
  const body = loop.kind === 'for_statement' ? loop.field('body') : null
  return body !== null && around.has(body) && loop.field('left') === target
}

const conditionalKinds = new Set([
  'if_statement',
  'for_statement',
  'while_statement',
  'try_statement',
  'match_statement',
  'conditional_expression',
  'boolean_operator',
  'lambda',
])
