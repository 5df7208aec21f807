import { roleOf } from '../../src/adapters/analyzer/python-bindings.ts'
import type { PythonNode } from '../../src/adapters/analyzer/python-node.ts'

const kinds: Readonly<Record<string, string>> = {
  call: 'Call',
  attribute: 'Attribute',
  subscript: 'Subscript',
  slice: 'Slice',
  binary_operator: 'BinOp',
  complex_pattern: 'BinOp',
  boolean_operator: 'BoolOp',
  unary_operator: 'UnaryOp',
  not_operator: 'UnaryOp',
  comparison_operator: 'Compare',
  conditional_expression: 'IfExp',
  lambda: 'Lambda',
  named_expression: 'NamedExpr',
  await: 'Await',
  yield: 'Yield',
  list: 'List',
  list_pattern: 'List',
  tuple: 'Tuple',
  tuple_pattern: 'Tuple',
  expression_list: 'Tuple',
  pattern_list: 'Tuple',
  set: 'Set',
  dictionary: 'Dict',
  list_splat: 'Starred',
  list_splat_pattern: 'Starred',
  list_comprehension: 'ListComp',
  set_comprehension: 'SetComp',
  dictionary_comprehension: 'DictComp',
  generator_expression: 'GeneratorExp',
  string: 'String',
  concatenated_string: 'String',
  integer: 'Constant',
  float: 'Constant',
  none: 'Constant',
  true: 'Constant',
  false: 'Constant',
  ellipsis: 'Constant',
  keyword_argument: 'keyword',
  dictionary_splat: 'keyword',
  type_parameter: 'TypeVar',
  expression_statement: 'Expr',
  assignment: 'Assign',
  augmented_assignment: 'AugAssign',
  function_definition: 'FunctionDef',
  class_definition: 'ClassDef',
  if_statement: 'If',
  elif_clause: 'If',
  while_statement: 'While',
  for_statement: 'For',
  with_statement: 'With',
  try_statement: 'Try',
  except_clause: 'ExceptHandler',
  except_group_clause: 'ExceptHandler',
  match_statement: 'Match',
  return_statement: 'Return',
  raise_statement: 'Raise',
  assert_statement: 'Assert',
  delete_statement: 'Delete',
  import_statement: 'Import',
  import_from_statement: 'ImportFrom',
  future_import_statement: 'ImportFrom',
  global_statement: 'Global',
  nonlocal_statement: 'Global',
  pass_statement: 'Pass',
  break_statement: 'Break',
  continue_statement: 'Continue',
  type_alias_statement: 'TypeAlias',
  splat_pattern: 'MatchStar',
  class_pattern: 'MatchClass',
  dict_pattern: 'MatchMapping',
  wildcard: 'MatchAs',
  ERROR: 'ERROR',
}

/** What CPython's parser says of the same source, told from our tree: kind, place, and name of each node. */
export function factsOf(root: PythonNode, text: string): string[] {
  const facts: string[] = []
  const placeOf = placesIn(text)
  const add = (kind: string, node: PythonNode, name: string, isInFormat: boolean) => {
    facts.push(`${kind} ${isInFormat ? '' : placeOf(node.start)} ${name}`.trimEnd())
  }
  const todo: [PythonNode, boolean][] = [[root, false]]
  for (let next = todo.pop(); next !== undefined; next = todo.pop()) {
    const [node, isInFormat] = next
    for (const [kind, name] of factsAbout(node)) add(kind, node, name, isInFormat)
    if (node.kind === 'expression_statement' && isList(node, 0)) add('Tuple', node, '', isInFormat)
    if (node.kind === 'subscript' && isList(node, 1)) add('Tuple', node.children[1] ?? node, '', isInFormat)
    if (node.kind === 'match_statement' && isTuple(node)) add('Tuple', node.children[0] ?? node, '', isInFormat)
    if (node.kind === 'string' && node.children.every(({ kind }) => kind !== 'interpolation')) continue
    for (const child of node.children) todo.push([child, isInFormat || node.kind === 'string'])
  }
  return facts.sort()
}

function* factsAbout(node: PythonNode): Iterable<[kind: string, name: string]> {
  const { kind, parent } = node
  const above = parent?.kind ?? ''
  if (kind === 'identifier') yield* identifierFacts(node)
  else if (kind === 'dotted_name') yield* dottedFacts(node)
  else if (kind === 'aliased_import') yield ['alias', `${bare(node.field('name'))} ${bare(node.field('alias'))}`]
  else if (kind === 'wildcard_import') yield ['alias', '* None']
  else if (kind === 'as_pattern' && above === 'case_pattern') yield ['MatchAs', bare(node.children.at(-1) ?? null)]
  else if (kind in kinds && !isSilent(node)) {
    const isAnnotated = kind === 'assignment' && node.field('type') !== null
    yield [isAnnotated ? 'AnnAssign' : (kinds[kind] ?? ''), nameIn(node)]
  }
}

/** Nodes that Python's tree does not have. */
function isSilent(node: PythonNode): boolean {
  const { kind, parent } = node
  const above = parent?.kind ?? ''
  switch (kind) {
    case 'boolean_operator':
      return above === kind && parent?.operator === node.operator && parent.children[0] === node
    case 'expression_statement':
      return /assignment$/.test(node.children[0]?.kind ?? '')
    case 'assignment':
      return above === kind
    case 'string':
      return above === 'concatenated_string'
    case 'list_splat_pattern':
      return above === 'parameters' || above === 'lambda_parameters' || above === 'typed_parameter'
    case 'dictionary_splat':
      return above === 'dictionary'
    case 'tuple':
      return above === 'with_item' && parent?.children.length === 1 && node.children.length > 0 && isOnly(parent)
    case 'pattern_list':
      return above === 'delete_statement'
    case 'tuple_pattern':
    case 'list_pattern':
      return isCase(above)
    case 'none':
    case 'true':
    case 'false':
      return isCase(above) || above === 'dict_pattern'
    case 'splat_pattern':
      return above === 'dict_pattern'
    case 'wildcard':
      return above === 'splat_pattern'
    default:
      return false
  }
}

/** `with (a, b):` has two items and no tuple. */
function isOnly(item: PythonNode): boolean {
  return item.parent?.children.length === 1
}

function isCase(kind: string): boolean {
  return kind === 'case_pattern' || kind === 'union_pattern' || kind === 'as_pattern'
}

function nameIn(node: PythonNode): string {
  switch (node.kind) {
    case 'attribute':
      return node.field('attribute')?.name ?? ''
    case 'keyword_argument':
    case 'function_definition':
    case 'class_definition':
    case 'type_parameter':
      return node.field('name')?.name ?? ''
    case 'dictionary_splat':
      return 'None'
    case 'global_statement':
    case 'nonlocal_statement':
      return node.children.map(({ name }) => name).join(' ')
    case 'except_clause':
    case 'except_group_clause':
      return bare(node.children.find(({ kind }) => kind === 'as_pattern')?.children[1]?.children[0] ?? null)
    case 'wildcard':
      return 'None'
    case 'splat_pattern':
      return node.children[0]?.kind === 'wildcard' ? 'None' : bare(node.children[0] ?? null)
    case 'dict_pattern':
      return bare(node.children.find(({ kind }) => kind === 'splat_pattern')?.children[0] ?? null)
    case 'class_pattern':
      return node.children
        .map((child) => child.children[0])
        .filter((child) => child?.kind === 'keyword_pattern')
        .map((child) => child?.children[0]?.name)
        .join(' ')
    default:
      return ''
  }
}

/** What an identifier is by its role: so the roles are compared too. */
function* identifierFacts(node: PythonNode): Iterable<[string, string]> {
  const role = roleOf(node)
  if (role.role === 'load') yield ['Name', `${node.name} Load`]
  else if (role.role === 'delete') yield ['Name', `${node.name} Del`]
  else if (role.role === 'bind') {
    const { from } = role.binding.source
    const isElsewhere = ['as_pattern', 'splat_pattern', 'dotted_name', 'aliased_import'].includes(
      node.parent?.kind ?? '',
    )
    if (from === 'parameter') yield ['arg', node.name]
    else if (from !== 'definition' && !isElsewhere && !isExceptName(node)) yield ['Name', `${node.name} Store`]
  }
}

function isExceptName(node: PythonNode): boolean {
  return node.parent?.kind === 'as_pattern_target' && node.parent.parent?.parent?.kind.startsWith('except') === true
}

function* dottedFacts(node: PythonNode): Iterable<[string, string]> {
  const above = node.parent?.kind ?? ''
  const names = node.children.map(({ name }) => name)
  if (above === 'import_statement') yield ['alias', `${names.join('.')} None`]
  else if (above === 'import_from_statement' || above === 'future_import_statement') {
    if (node.parent?.children[0] !== node) yield ['alias', `${names.join('.')} None`]
  } else if (isCase(above) && names.length === 1) yield ['MatchAs', names[0] ?? '']
  else if (isCase(above) || above === 'class_pattern' || above === 'dict_pattern') {
    yield ['Name', `${names[0]} Load`]
    for (const name of names.slice(1)) yield ['Attribute', name]
  }
}

function bare(node: PythonNode | null): string {
  if (node === null) return 'None'
  return node.kind === 'dotted_name' ? node.children.map(({ name }) => name).join('.') : node.name
}

/** True when there is a comma: the children from the first one on are a tuple that has no node. */
function isList(node: PythonNode, from: number): boolean {
  const last = node.children.at(-1)
  if (last === undefined) return false
  const behind = node.tree.list.text.slice(last.end, node.end).replace(/#.*/g, '')
  return node.children.length > from + 1 || behind.includes(',') || (from === 1 && last.kind === 'list_splat')
}

/** True when a `match` has several subjects, or one with a comma behind it. */
function isTuple(statement: PythonNode): boolean {
  const last = statement.children.at(-2)
  const body = statement.children.at(-1)
  const behind = statement.tree.list.text.slice(last?.end, body?.start).replace(/#.*/g, '')
  return statement.children.length > 2 || behind.includes(',')
}

/** Line and column of an offset as CPython counts them: the column in bytes of UTF-8. */
function placesIn(text: string): (offset: number) => string {
  const starts = [0, ...[...text.matchAll(/\r\n|\r|\n/g)].map((end) => end.index + end[0].length)]
  return (offset) => {
    let low = 0
    let high = starts.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((starts[middle] ?? 0) <= offset) low = middle + 1
      else high = middle
    }
    return `${low}:${Buffer.byteLength(text.slice(starts[low - 1], offset))}`
  }
}
