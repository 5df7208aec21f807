import { below, keyName, visitPattern } from './javascript-patterns.ts'
import {
  type Binding,
  blockScope,
  bodyScope,
  declare,
  functionScope,
  type Scope,
  type ValueSource,
} from './javascript-scopes.ts'
import { type Class, childrenOf, type FunctionNode, isFunction, type Node } from './javascript-tree.ts'

type Identifier = Extract<Node, { type: 'Identifier' }>

/** A value that is put into a property of some object. */
export interface Store {
  readonly key: string | { readonly computed: Node }
  /** Null for `this`. */
  readonly object: Node | null
  readonly source: ValueSource
}

/** What one walk through the code of a file collects. */
export interface Walk {
  /** Every node that is code, those inside before those around them. */
  readonly nodes: readonly Node[]
  readonly parents: ReadonlyMap<Node, Node>
  /** Identifiers that are read, and where they stand. */
  readonly references: ReadonlyMap<Node, Scope>
  /** Names that get a value without being declared by it. */
  readonly assignments: readonly Assignment[]
  readonly stores: readonly Store[]
  readonly returns: ReadonlyMap<FunctionNode, readonly Node[]>
  /** Computed keys of patterns, and what they take a part of. */
  readonly computedKeys: readonly { readonly key: Node; readonly source: ValueSource }[]
  /** Bindings by the identifiers that declare them. */
  readonly bound: ReadonlyMap<Node, Binding>
}

interface Assignment {
  readonly identifier: Identifier
  readonly scope: Scope
  readonly source: ValueSource | null
}

/** Walks the tree once, without recursion: a tree may be deeper than the stack. */
export function walkCode(program: Node): Walk {
  const nodes: Node[] = []
  const parents = new Map<Node, Node>()
  const references = new Map<Node, Scope>()
  const assignments: Assignment[] = []
  const stores: Store[] = []
  const bound = new Map<Node, Binding>()
  const computedKeys: Walk['computedKeys'][number][] = []
  const computedKey = (key: Node, source: ValueSource): void => {
    computedKeys.push({ key, source })
  }
  const returns = new Map<FunctionNode, Node[]>()
  // Without a scope: everything inside the node has been walked.
  const stack: { node: Node; scope: Scope | null }[] = [{ node: program, scope: bodyScope(null, null) }]
  let pending: { node: Node; scope: Scope }[] = []

  const push = (node: Node | null | undefined, parent: Node, scope: Scope): void => {
    if (node === null || node === undefined) return
    parents.set(node, parent)
    pending.push({ node, scope })
  }
  const add = (binding: Binding, source: ValueSource | null): void => {
    if (source !== null) binding.sources.push(source)
  }
  const bindPattern = (pattern: Node, source: ValueSource | null, home: Scope, scope: Scope, parent: Node): void => {
    visitPattern(pattern, source, {
      name: (identifier, from) => {
        const binding = declare(home, identifier.name)
        bound.set(identifier, binding)
        add(binding, from)
      },
      member: () => undefined,
      expression: (node) => push(node, parent, scope),
      computedKey,
    })
  }
  const assignPattern = (pattern: Node, source: ValueSource | null, scope: Scope, parent: Node): void => {
    visitPattern(pattern, source, {
      name: (identifier, from) => assignments.push({ identifier, scope, source: from }),
      member: (target, from) => {
        if (target.type !== 'MemberExpression' || from === null) return
        const name = target.computed ? null : keyName(target.property)
        stores.push({ key: name ?? { computed: target.property }, object: target.object, source: from })
      },
      expression: (node) => push(node, parent, scope),
      computedKey,
    })
  }
  const give = (value: Node | null | undefined, scope: Scope): void => {
    const { owner } = functionScope(scope)
    if (value === null || value === undefined || owner === null) return
    const given = returns.get(owner) ?? []
    given.push(value)
    returns.set(owner, given)
  }

  const enterFunction = (node: FunctionNode, scope: Scope): void => {
    if (node.type === 'FunctionDeclaration' && node.id) {
      const binding = declare(scope, node.id.name)
      bound.set(node.id, binding)
      add(binding, expression(node))
    }
    let outer = scope
    if (node.type === 'FunctionExpression' && node.id) {
      outer = blockScope(scope)
      add(declare(outer, node.id.name), expression(node))
    }
    if ('key' in node && node.computed) push(node.key, node, scope)
    const inner = bodyScope(outer, node)
    const written = node.params.filter((parameter) => !(parameter.type === 'Identifier' && parameter.name === 'this'))
    for (const [position, parameter] of written.entries()) {
      const source: ValueSource = { from: 'parameter', owner: node, position, isRest: false, path: [] }
      visitPattern(parameter, source, {
        name: (identifier, from) => {
          const binding = declare(inner, identifier.name)
          bound.set(identifier, binding)
          add(binding, from?.from === 'expression' ? { ...from, isDefaultArgument: true } : from)
        },
        member: () => undefined,
        expression: (part) => push(part, node, inner),
        computedKey,
      })
      if (parameter.type === 'TSParameterProperty') {
        const named = parameter.parameter.type === 'Identifier' ? parameter.parameter : parameter.parameter.left
        if (named.type === 'Identifier') {
          stores.push({ key: named.name, object: null, source })
          const usual = parameter.parameter.type === 'AssignmentPattern' ? expression(parameter.parameter.right) : null
          if (usual !== null) stores.push({ key: named.name, object: null, source: usual })
        }
      }
      if ('decorators' in parameter) for (const item of parameter.decorators ?? []) push(item, node, scope)
    }
    if ('decorators' in node) for (const item of node.decorators ?? []) push(item, node, scope)
    if (node.type === 'ArrowFunctionExpression' && node.body.type !== 'BlockStatement') give(node.body, inner)
    push(node.body, node, inner)
  }

  const enterClass = (node: Class, scope: Scope): void => {
    if (node.type === 'ClassDeclaration' && node.id) add(declare(scope, node.id.name), expression(node))
    const inner = blockScope(scope)
    if (node.id) add(declare(inner, node.id.name), expression(node))
    for (const item of node.decorators ?? []) push(item, node, scope)
    push(node.superClass, node, inner)
    push(node.body, node, inner)
  }

  const enterDeclaration = (node: Extract<Node, { type: 'VariableDeclaration' }>, scope: Scope): void => {
    const home = node.kind === 'var' ? functionScope(scope) : scope
    const loop = parents.get(node)
    for (const declarator of node.declarations) {
      parents.set(declarator, node)
      const source =
        loop?.type === 'ForOfStatement' && loop.left === node
          ? below(expression(loop.right), 'any element')
          : expression(declarator.init)
      bindPattern(declarator.id, source, home, scope, declarator)
      push(declarator.init, declarator, scope)
    }
  }

  const enter = (node: Node, scope: Scope): void => {
    if (isFunction(node)) {
      enterFunction(node, scope)
      return
    }
    switch (node.type) {
      case 'Identifier':
        references.set(node, scope)
        return
      case 'ClassDeclaration':
      case 'ClassExpression':
        enterClass(node, scope)
        return
      case 'VariableDeclaration':
        enterDeclaration(node, scope)
        return
      case 'ClassProperty':
      case 'ClassAccessorProperty':
      case 'ClassPrivateProperty':
        if (node.type !== 'ClassPrivateProperty' && node.computed) push(node.key, node, scope)
        for (const item of node.decorators ?? []) push(item, node, scope)
        push(node.value, node, bodyScope(scope, null))
        return
      case 'StaticBlock':
      case 'TSModuleBlock':
        everyChild(node, bodyScope(scope, null))
        return
      case 'BlockStatement':
      case 'ForStatement':
      case 'ForInStatement':
      case 'SwitchStatement':
        if (node.type === 'ForInStatement' && node.left.type !== 'VariableDeclaration') {
          assignPattern(node.left, expression(node), scope, node)
        }
        everyChild(node, blockScope(scope))
        return
      case 'ForOfStatement':
        if (node.left.type !== 'VariableDeclaration') {
          assignPattern(node.left, below(expression(node.right), 'any element'), scope, node)
          push(node.right, node, scope)
          push(node.body, node, blockScope(scope))
          return
        }
        everyChild(node, blockScope(scope))
        return
      case 'CatchClause': {
        const inner = blockScope(scope)
        if (node.param) bindPattern(node.param, null, inner, inner, node)
        push(node.body, node, inner)
        return
      }
      case 'WithStatement':
        push(node.object, node, scope)
        push(node.body, node, blockScope(scope, node.object))
        return
      case 'AssignmentExpression':
        if (['=', '||=', '&&=', '??='].includes(node.operator)) {
          assignPattern(node.left, expression(node.right), scope, node)
        } else {
          // The result of the operation: a value that is not known.
          assignPattern(node.left, expression(node), scope, node)
          if (node.left.type === 'Identifier') push(node.left, node, scope)
        }
        push(node.right, node, scope)
        return
      case 'UpdateExpression':
        assignPattern(node.argument, expression(node), scope, node)
        if (node.argument.type === 'Identifier') push(node.argument, node, scope)
        return
      case 'ReturnStatement':
      case 'YieldExpression':
        give(node.argument, scope)
        push(node.argument, node, scope)
        return
      case 'MemberExpression':
      case 'OptionalMemberExpression':
        push(node.object, node, scope)
        if (node.computed) push(node.property, node, scope)
        return
      case 'ObjectProperty':
        if (node.computed) push(node.key, node, scope)
        push(node.value, node, scope)
        return
      case 'LabeledStatement':
        push(node.body, node, scope)
        return
      case 'BreakStatement':
      case 'ContinueStatement':
      case 'MetaProperty':
      case 'PrivateName':
      case 'ImportAttribute':
      case 'ExportNamespaceSpecifier':
      case 'ExportDefaultSpecifier':
        return
      case 'ImportDeclaration':
        for (const specifier of node.specifiers) {
          if (specifier.type === 'ImportSpecifier' && specifier.importKind === 'type') continue
          add(declare(scope, specifier.local.name), {
            from: 'import',
            module: node.source.value,
            path: imported(specifier),
          })
        }
        return
      case 'ExportSpecifier': {
        const statement = parents.get(node)
        if (statement?.type === 'ExportNamedDeclaration' && !statement.source) push(node.local, node, scope)
        return
      }
      case 'TSImportEqualsDeclaration': {
        const binding = declare(scope, node.id.name)
        const { moduleReference } = node
        if (moduleReference.type === 'TSExternalModuleReference') {
          const { expression: name } = moduleReference
          if (name.type === 'StringLiteral') add(binding, { from: 'import', module: name.value, path: [] })
          return
        }
        add(binding, expression(moduleReference))
        push(moduleReference, node, scope)
        return
      }
      case 'TSQualifiedName':
        push(node.left, node, scope)
        return
      case 'TSEnumDeclaration':
        declare(scope, node.id.name)
        everyChild(node, scope, node.id)
        return
      case 'TSEnumMember':
        push(node.initializer, node, scope)
        return
      case 'TSModuleDeclaration':
        if (node.id.type === 'Identifier') declare(scope, node.id.name)
        everyChild(node, scope, node.id)
        return
      default:
        everyChild(node, scope)
    }
  }
  const everyChild = (node: Node, scope: Scope, except: Node | null = null): void => {
    for (const child of childrenOf(node)) if (child !== except) push(child, node, scope)
  }

  for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
    if (next.scope === null) {
      nodes.push(next.node)
      continue
    }
    stack.push({ node: next.node, scope: null })
    enter(next.node, next.scope)
    for (const child of pending.reverse()) stack.push(child)
    pending = []
  }
  return { nodes, parents, references, assignments, stores, returns, bound, computedKeys }
}

function expression(node: Node | null | undefined): ValueSource | null {
  return node === null || node === undefined ? null : { from: 'expression', node, path: [] }
}

function imported(specifier: Extract<Node, { type: 'ImportDeclaration' }>['specifiers'][number]): string[] {
  if (specifier.type === 'ImportNamespaceSpecifier') return []
  if (specifier.type === 'ImportDefaultSpecifier') return ['default']
  const { imported: name } = specifier
  return [name.type === 'Identifier' ? name.name : name.value]
}
