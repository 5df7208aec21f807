import { describe, expect, test } from 'vitest'
import type { PythonNode } from '../../src/adapters/analyzer/python-node.ts'
import { parsePython } from '../../src/adapters/analyzer/python-parse.ts'

/** The tree in one line: names as they are, other nodes as `kind(parts)`, without the nodes that every line has. */
function shape(node: PythonNode): string {
  if (node.kind === 'identifier') return node.name
  if (node.kind === 'expression_statement' || node.kind === 'case_pattern') return node.children.map(shape).join(', ')
  const parts = node.children.map(shape).join(', ')
  if (node.kind === 'module') return parts
  return parts === '' ? node.text : `${node.kind}(${parts})`
}

function read(source: string): { shape: string; faults: readonly number[] } {
  const tree = parsePython(source)
  tree.check()
  return { shape: shape(tree.root), faults: tree.faults }
}

const legal: readonly (readonly [source: string, shape: string])[] = [
  ['a, *b = c = d', 'assignment(pattern_list(a, list_splat_pattern(b)), assignment(c, d))'],
  ['(a) = b', 'assignment(parenthesized_expression(a), b)'],
  ['[a, (b, *c)] = d', 'assignment(list_pattern(a, tuple_pattern(b, list_splat_pattern(c))), d)'],
  ['a.b[c], d = e', 'assignment(pattern_list(subscript(attribute(a, b), c), d), e)'],
  ['a: b', 'assignment(a, type(b))'],
  ['a: b = yield c', 'assignment(a, type(b), yield(c))'],
  ['(a): b', 'assignment(parenthesized_expression(a), type(b))'],
  ['a.b: c = d, e', 'assignment(attribute(a, b), type(c), expression_list(d, e))'],
  ['a += yield', 'augmented_assignment(a, yield)'],
  ['a @= b', 'augmented_assignment(a, b)'],
  ['*a, = b', 'assignment(pattern_list(list_splat_pattern(a)), b)'],
  ['a = yield', 'assignment(a, yield)'],
  ['x = *a, b', 'assignment(x, expression_list(list_splat(a), b))'],
  ['a = b if c else d if e else f', 'assignment(a, conditional_expression(b, c, conditional_expression(d, e, f)))'],
  ['not a in b', 'not_operator(comparison_operator(a, b))'],
  ['not not a', 'not_operator(not_operator(a))'],
  ['-a ** -b', 'unary_operator(binary_operator(a, unary_operator(b)))'],
  ['a ** b ** c', 'binary_operator(a, binary_operator(b, c))'],
  ['await a ** b', 'binary_operator(await(a), b)'],
  ['a < b not in c is not d', 'comparison_operator(a, b, c, d)'],
  ['a or b and not c', 'boolean_operator(a, boolean_operator(b, not_operator(c)))'],
  [
    'a | b ^ c & d << e + f * -g',
    'binary_operator(a, binary_operator(b, binary_operator(c, binary_operator(d, binary_operator(e, binary_operator(f, unary_operator(g)))))))',
  ],
  ['lambda: (yield)', 'lambda(parenthesized_expression(yield))'],
  [
    'lambda a, /, b=1, *c, d, **e: a',
    'lambda(lambda_parameters(a, default_parameter(b, 1), list_splat_pattern(c), d, dictionary_splat_pattern(e)), a)',
  ],
  ['lambda *, a: a', 'lambda(lambda_parameters(a), a)'],
  ['(a := b)', 'parenthesized_expression(named_expression(a, b))'],
  ['[a := b, c]', 'list(named_expression(a, b), c)'],
  ['f(a := b)', 'call(f, argument_list(named_expression(a, b)))'],
  ['a[b := c]', 'subscript(a, named_expression(b, c))'],
  ['a[b:c, ::d, ...]', 'subscript(a, slice(b, c), slice(d), ...)'],
  ['a[*b]', 'subscript(a, list_splat(b))'],
  ['a[b,]', 'subscript(a, b)'],
  [
    'a().b[c](d)(*e, f=g, **h)',
    'call(call(subscript(attribute(call(a, ()), b), c), argument_list(d)), argument_list(list_splat(e), keyword_argument(f, g), dictionary_splat(h)))',
  ],
  ['f(a for a in b)', 'call(f, generator_expression(a, for_in_clause(a, b)))'],
  [
    'f(a, *b, c=d, *e, **g, h=i)',
    'call(f, argument_list(a, list_splat(b), keyword_argument(c, d), list_splat(e), dictionary_splat(g), keyword_argument(h, i)))',
  ],
  [
    '(a for a in b if c if d for e in f)',
    'generator_expression(a, for_in_clause(a, b), if_clause(c), if_clause(d), for_in_clause(e, f))',
  ],
  ['[a async for a in b]', 'list_comprehension(a, for_in_clause(a, b))'],
  ['{a for a, in b}', 'set_comprehension(a, for_in_clause(pattern_list(a), b))'],
  [
    '{a: b for a, *b in c}',
    'dictionary_comprehension(pair(a, b), for_in_clause(pattern_list(a, list_splat_pattern(b)), c))',
  ],
  ['{**a, b: c}', 'dictionary(dictionary_splat(a), pair(b, c))'],
  ['{}', '{}'],
  ['()', '()'],
  ['(a,)', 'tuple(a)'],
  ['[*a, *b]', 'list(list_splat(a), list_splat(b))'],
  ['{*a}', 'set(list_splat(a))'],
  ['{a: lambda: b}', 'dictionary(pair(a, lambda(b)))'],
  ['a, ', 'a'],
  [
    '[a for a in b if (lambda: c)]',
    'list_comprehension(a, for_in_clause(a, b), if_clause(parenthesized_expression(lambda(c))))',
  ],
  ['"a" \'b\' rb"c"', 'concatenated_string(string(", a, "), string(\', b, \'), string(rb", c, "))'],
  ['f"a{b!r:>{c}}{{d}}"', 'string(f", a, interpolation(b, r, format_specifier(format_expression(c))), {{d}}, ")'],
  ['f"{a=}"', 'string(f", interpolation(a), ")'],
  ['f"{a["b"]}"', 'string(f", interpolation(subscript(a, string(", b, "))), ")'],
  ['f"{f"{f"{a}"}"}"', 'string(f", interpolation(string(f", interpolation(string(f", interpolation(a), ")), ")), ")'],
  [
    'f"{a:{b:{c}}}"',
    'string(f", interpolation(a, format_specifier(format_expression(b, format_specifier(format_expression(c))))), ")',
  ],
  ['f"{a:%H:%M}"', 'string(f", interpolation(a, %H:%M), ")'],
  ['f"{a!=b}"', 'string(f", interpolation(comparison_operator(a, b)), ")'],
  ['f"{(lambda x: x)}"', 'string(f", interpolation(parenthesized_expression(lambda(lambda_parameters(x), x))), ")'],
  ['f"{a, *b}"', 'string(f", interpolation(expression_list(a, list_splat(b))), ")'],
  ['f"{yield}"', 'string(f", interpolation(yield), ")'],
  ['rf"\\{a}"', 'string(rf", \\, interpolation(a), ")'],
  ['f"\\N{BULLET}{a}"', 'string(f", \\N{BULLET}, interpolation(a), ")'],
  ['f"""{\na\n}"""', 'string(f""", interpolation(a), """)'],
  ['t"{a}" f"{b}"', 'concatenated_string(string(t", interpolation(a), "), string(f", interpolation(b), "))'],
  ['f"{a:=5}"', 'string(f", interpolation(a, =5), ")'],
  ['u"a"', 'string(u", a, ")'],
  ['f"{a # b\n}"', 'string(f", interpolation(a), ")'],
  [
    '1_000 + 0xFF + 0o17 + 0b1 + 1.5e-3j + .5 + 5. + 1if a else b',
    'conditional_expression(binary_operator(binary_operator(binary_operator(binary_operator(binary_operator(binary_operator(binary_operator(1_000, 0xFF), 0o17), 0b1), 1.5e-3j), .5), 5.), 1), a, b)',
  ],
  ['...', '...'],
  ['None, True, False', 'None, True, False'],
  ['print(a, end=b)', 'call(print, argument_list(a, keyword_argument(end, b)))'],
  ['print "a", b', 'print_statement(string(", a, "), b)'],
  ['print >>a, b', 'binary_operator(print, a), b'],
  ['exec "a" in b, c', 'exec_statement(string(", a, "), b, c)'],
  ['exec(a)', 'call(exec, argument_list(a))'],
  ['print', 'print'],
  ['type = a', 'assignment(type, a)'],
  ['type(a)', 'call(type, argument_list(a))'],
  ['type A = b', 'type_alias_statement(A, type(b))'],
  [
    'type A[B: c = d, *E, **F] = g',
    'type_alias_statement(A, type_parameters(type_parameter(B, type(c), type(d)), type_parameter(E), type_parameter(F)), type(g))',
  ],
  ['match = a', 'assignment(match, a)'],
  ['match(a)', 'call(match, argument_list(a))'],
  ['match[a]', 'subscript(match, a)'],
  ['match.a', 'attribute(match, a)'],
  ['case = _', 'assignment(case, _)'],
  ['_ = match * a', 'assignment(_, binary_operator(match, a))'],
  ['match -a', 'binary_operator(match, a)'],
  ['import a.b.c as d, e', 'import_statement(aliased_import(dotted_name(a, b, c), d), dotted_name(e))'],
  [
    'from a import (b, c as d,)',
    'import_from_statement(dotted_name(a), dotted_name(b), aliased_import(dotted_name(c), d))',
  ],
  ['from . import a', 'import_from_statement(., dotted_name(a))'],
  ['from ...a.b import c', 'import_from_statement(relative_import(dotted_name(a, b)), dotted_name(c))'],
  ['from .... import a', 'import_from_statement(...., dotted_name(a))'],
  ['from a import *', 'import_from_statement(dotted_name(a), *)'],
  ['from __future__ import a', 'future_import_statement(dotted_name(__future__), dotted_name(a))'],
  ['del a, (b, [c]), d.e', 'delete_statement(pattern_list(a, tuple_pattern(b, list_pattern(c)), attribute(d, e)))'],
  ['del (a)', 'delete_statement(parenthesized_expression(a))'],
  ['assert a, b', 'assert_statement(a, b)'],
  ['raise a from b', 'raise_statement(a, b)'],
  ['raise', 'raise'],
  ['raise a, b', 'raise_statement(expression_list(a, b))'],
  ['global a, b', 'global_statement(a, b)'],
  ['return *a, b', 'return_statement(expression_list(list_splat(a), b))'],
  ['return', 'return'],
  ['pass; a; b;', 'pass, a, b'],
  ['yield from a', 'yield(a)'],
  ['await a', 'await(a)'],
  ['if a: b; c', 'if_statement(a, block(b, c))'],
  ['if a:\n  b\nelif c: d\nelse:\n  e', 'if_statement(a, block(b), elif_clause(c, block(d)), else_clause(block(e)))'],
  [
    'while (a := b): pass\nelse: c',
    'while_statement(parenthesized_expression(named_expression(a, b)), block(pass), else_clause(block(c)))',
  ],
  [
    'for a, *b in c, *d: e',
    'for_statement(pattern_list(a, list_splat_pattern(b)), expression_list(c, list_splat(d)), block(e))',
  ],
  ['for a.b in c: d\nelse: e', 'for_statement(attribute(a, b), c, block(d), else_clause(block(e)))'],
  ['for a[b], in c: d', 'for_statement(pattern_list(subscript(a, b)), c, block(d))'],
  ['async for a in b: c', 'for_statement(a, b, block(c))'],
  ['with a: b', 'with_statement(with_clause(with_item(a)), block(b))'],
  [
    'with a as b, c as (d, e): f',
    'with_statement(with_clause(with_item(as_pattern(a, as_pattern_target(b))), with_item(as_pattern(c, as_pattern_target(tuple_pattern(d, e))))), block(f))',
  ],
  [
    'with (a as b, c as d,): e',
    'with_statement(with_clause(with_item(as_pattern(a, as_pattern_target(b))), with_item(as_pattern(c, as_pattern_target(d)))), block(e))',
  ],
  ['with (a, b): c', 'with_statement(with_clause(with_item(tuple(a, b))), block(c))'],
  ['with (a): b', 'with_statement(with_clause(with_item(parenthesized_expression(a))), block(b))'],
  [
    'with (a) as b: c',
    'with_statement(with_clause(with_item(as_pattern(parenthesized_expression(a), as_pattern_target(b)))), block(c))',
  ],
  [
    'with (a, b) as c: d',
    'with_statement(with_clause(with_item(as_pattern(tuple(a, b), as_pattern_target(c)))), block(d))',
  ],
  ['with (yield): a', 'with_statement(with_clause(with_item(parenthesized_expression(yield))), block(a))'],
  ['with (a as b): c', 'with_statement(with_clause(with_item(as_pattern(a, as_pattern_target(b)))), block(c))'],
  [
    'with (a).b as c, d: e',
    'with_statement(with_clause(with_item(as_pattern(attribute(parenthesized_expression(a), b), as_pattern_target(c))), with_item(d)), block(e))',
  ],
  ['async with a as b: c', 'with_statement(with_clause(with_item(as_pattern(a, as_pattern_target(b)))), block(c))'],
  [
    'with open(a) as b, \\\n  open(c): d',
    'with_statement(with_clause(with_item(as_pattern(call(open, argument_list(a)), as_pattern_target(b))), with_item(call(open, argument_list(c)))), block(d))',
  ],
  ['try: a\nexcept: b', 'try_statement(block(a), except_clause(block(b)))'],
  [
    'try: a\nexcept (b, c) as d: e\nelse: f\nfinally: g',
    'try_statement(block(a), except_clause(as_pattern(tuple(b, c), as_pattern_target(d)), block(e)), else_clause(block(f)), finally_clause(block(g)))',
  ],
  [
    'try: a\nexcept* b as c: d',
    'try_statement(block(a), except_group_clause(as_pattern(b, as_pattern_target(c)), block(d)))',
  ],
  ['try: a\nexcept b, c: d', 'try_statement(block(a), except_clause(b, c, block(d)))'],
  ['try: a\nfinally: b', 'try_statement(block(a), finally_clause(block(b)))'],
  ['def f(): pass', 'function_definition(f, (), block(pass))'],
  [
    'def f(a, b: c, /, d=e, *f, g: h = i, **j) -> k: pass',
    'function_definition(f, parameters(a, typed_parameter(b, type(c)), default_parameter(d, e), list_splat_pattern(f), typed_default_parameter(g, type(h), i), dictionary_splat_pattern(j)), type(k), block(pass))',
  ],
  ['def f(*, a): pass', 'function_definition(f, parameters(a), block(pass))'],
  [
    'def f(*a: *b): pass',
    'function_definition(f, parameters(typed_parameter(list_splat_pattern(a), type(list_splat(b)))), block(pass))',
  ],
  ['async def f(a): return a', 'function_definition(f, parameters(a), block(return_statement(a)))'],
  [
    'def f[T, *U, **V](a: T): pass',
    'function_definition(f, type_parameters(type_parameter(T), type_parameter(U), type_parameter(V)), parameters(typed_parameter(a, type(T))), block(pass))',
  ],
  [
    'def f[T: (a, b) = c](): pass',
    'function_definition(f, type_parameters(type_parameter(T, type(tuple(a, b)), type(c))), (), block(pass))',
  ],
  ['class A: pass', 'class_definition(A, block(pass))'],
  [
    'class A(b, c=d, *e): pass',
    'class_definition(A, argument_list(b, keyword_argument(c, d), list_splat(e)), block(pass))',
  ],
  ['class A[T](b): pass', 'class_definition(A, type_parameters(type_parameter(T)), argument_list(b), block(pass))'],
  ['class A(): f = a', 'class_definition(A, (), block(assignment(f, a)))'],
  [
    '@a\n@b.c(d)[e]\ndef f(): pass',
    'decorated_definition(decorator(a), decorator(subscript(call(attribute(b, c), argument_list(d)), e)), function_definition(f, (), block(pass)))',
  ],
  [
    '@(a := b)\nclass C: pass',
    'decorated_definition(decorator(parenthesized_expression(named_expression(a, b))), class_definition(C, block(pass)))',
  ],
  ['@a\nasync def f(): pass', 'decorated_definition(decorator(a), function_definition(f, (), block(pass)))'],
  ['match a:\n  case b: c', 'match_statement(a, block(case_clause(dotted_name(b), block(c))))'],
  ['match a, *b:\n  case _: c', 'match_statement(a, list_splat(b), block(case_clause(_, block(c))))'],
  [
    'match (a):\n  case 1 | -2.5 | "b" | None | -1+2j: c',
    'match_statement(parenthesized_expression(a), block(case_clause(union_pattern(1, unary_operator(2.5), string(", b, "), None, complex_pattern(unary_operator(1), 2j)), block(c))))',
  ],
  [
    'match a:\n  case b.c | d.e: f',
    'match_statement(a, block(case_clause(union_pattern(dotted_name(b, c), dotted_name(d, e)), block(f))))',
  ],
  [
    'match a:\n  case [b, *_, c] | (d,) | (): e',
    'match_statement(a, block(case_clause(union_pattern(list_pattern(dotted_name(b), splat_pattern(_), dotted_name(c)), tuple_pattern(dotted_name(d)), ()), block(e))))',
  ],
  ['match a:\n  case (b): c', 'match_statement(a, block(case_clause(tuple_pattern(dotted_name(b)), block(c))))'],
  ['match a:\n  case b, *c: d', 'match_statement(a, block(case_clause(dotted_name(b), splat_pattern(c), block(d))))'],
  [
    'match a:\n  case {"b": c, d.e: f, **g}: h',
    'match_statement(a, block(case_clause(dict_pattern(string(", b, "), dotted_name(c), dotted_name(d, e), dotted_name(f), splat_pattern(g)), block(h))))',
  ],
  [
    'match a:\n  case b.C(d, e=f, g=h()): i',
    'match_statement(a, block(case_clause(class_pattern(dotted_name(b, C), dotted_name(d), keyword_pattern(e, dotted_name(f)), keyword_pattern(g, class_pattern(dotted_name(h)))), block(i))))',
  ],
  [
    'match a:\n  case b as c if d: e',
    'match_statement(a, block(case_clause(as_pattern(dotted_name(b), c), if_clause(d), block(e))))',
  ],
  [
    'match a:\n  case (b | c) as d: e',
    'match_statement(a, block(case_clause(as_pattern(tuple_pattern(union_pattern(dotted_name(b), dotted_name(c))), d), block(e))))',
  ],
  ['match match:\n  case case: type', 'match_statement(match, block(case_clause(dotted_name(case), block(type))))'],
  ['match x, :\n  case a, : b', 'match_statement(x, block(case_clause(dotted_name(a), block(b))))'],
  ['é = ﬁ', 'assignment(é, fi)'],
  ['if a:\n\tb\n\tif c:\n\t\td', 'if_statement(a, block(b, if_statement(c, block(d))))'],
  ['if a:\n        b', 'if_statement(a, block(b))'],
  ['a = (b\n  # c\n, d)', 'assignment(a, tuple(b, d))'],
  ['a = \\\n  b', 'assignment(a, b)'],
  [
    'async def f():\n  [a async for b in c]\n  await d',
    'function_definition(f, (), block(list_comprehension(a, for_in_clause(b, c)), await(d)))',
  ],
  ['if a:\n  pass\n# b\nc', 'if_statement(a, block(pass)), c'],
  ['x = {\n"a": b,\n}', 'assignment(x, dictionary(pair(string(", a, "), b)))'],
]

const illegal: readonly string[] = [
  ...['x = = 1', 'x y', 'f(a b)', '(a', 'a)', '[a}', 'x = 1 +', 'if x\n  y', 'if x:\ny', ' x = 1', 'x\n  y'],
  ...['def f(a, a=1, b): pass', 'def f(a=1, b): pass', 'def f(*): pass', 'def f(*, **k): pass', 'def f(**k, a): pass'],
  ...['def f(/, a): pass', 'def f(a, *, b, /): pass', 'lambda a=1, b: 0', 'f(a=1, b)', 'f(**a, b)', 'f(**a, *b)'],
  ...[
    'f(a for a in b, c)',
    'f() = 1',
    'a + b = 1',
    '1 = a',
    'a, f() = b',
    '(a, b): int',
    'a, b += 1',
    'x: int = y = 1',
  ],
  ...['for f() in x: pass', 'with x as f(): pass', 'del f()', '[*a for a in b]', '{**a for a in b}', '(*a)', '*'],
  ...['not', 'a not b', 'a == not b', 'a or lambda: 0', 'await', 'return return', 'import a.b as', 'from import a'],
  ...[
    'from a import',
    'from a import (b',
    'from a import b,',
    'import a as b.c',
    'global',
    'global a.b',
    'a :=',
    'a := 1',
  ],
  ...[
    'f(a=b:=1)',
    'x = y := 1',
    'class',
    'class a.b: pass',
    'def f: pass',
    'try:\n  a',
    'try:\n  a\nelse:\n  b',
    'else:\n  a',
  ],
  ...[
    'match x:\n  case a.b():\n    pass\n  else:\n    pass',
    'match x:\n  case {a: b}: pass',
    'match x:\n  case *a: pass',
  ],
  ...[
    '"a',
    "'a\n'",
    '"""a',
    'f"{"',
    'f"{}"',
    'f"}"',
    'f"{a!}"',
    'f"{a:"',
    'f"{a b}"',
    'f"{lambda x: 1}"',
    'a\\ b',
    'a = $',
    'a ? b',
  ],
  ...[
    '€ = 1',
    'a\u00a0= 1',
    '0x',
    '1__0',
    '1_',
    '0b2',
    '1e',
    'if a:\n\tb\n        c',
    'if a:\n    b\n  c',
    '@a\nb',
    'async x',
    'a..b',
  ],
  ...[
    'a.None',
    'None()= 1',
    'def None(): pass',
    'x = yield = 1',
    'a if b',
    'lambda',
    'a[',
    'a[]',
    'a[b c]',
    '{a: b, c}',
    '{a, b: c}',
  ],
]

describe('what CPython 3.8 to 3.14 accepts, and two statements of Python 2', () => {
  test.each(legal)('%j', (source, expected) => {
    expect(read(`${source}\n`)).toEqual({ shape: expected, faults: [] })
  })

  test('a source may end without a line end, and with comments, blanks and continued lines in any place', () => {
    const source = '\ufeff# a\n\n\f  # b\nif a: # c\n\n  # d\n\tb(  # e\n # f\n  c,\\\n  )\n    # g\n\n\r\n'
    expect(read(source)).toEqual({ shape: 'if_statement(a, block(call(b, argument_list(c))))', faults: [] })
    expect(read('a\r\nif b:\r\n  c\\\r\n + d')).toEqual({
      shape: 'a, if_statement(b, block(binary_operator(c, d)))',
      faults: [],
    })
    expect(read('')).toEqual({ shape: '', faults: [] })
  })
})

describe('what it refuses', () => {
  test.each(illegal.map((source) => [source]))('%j', (source) => {
    expect(read(`${source}\n`).faults.length).toBeGreaterThan(0)
  })
})
