"""Says what CPython's own parser finds in each file named on stdin: one JSON line a file, null where it refuses it.

A fact is the kind of a node, where it begins and what it names. Where something begins inside a format string is
left out, since versions before 3.12 do not know it.
"""
import ast
import json
import sys
import warnings

warnings.simplefilter('ignore')
SYNONYMS = {
    'AsyncFunctionDef': 'FunctionDef', 'AsyncFor': 'For', 'AsyncWith': 'With', 'TryStar': 'Try', 'YieldFrom': 'Yield',
    'Nonlocal': 'Global', 'JoinedStr': 'String', 'TemplateStr': 'String', 'TypeVarTuple': 'TypeVar',
    'ParamSpec': 'TypeVar',
}
UNPLACED = {
    'Module', 'arguments', 'comprehension', 'withitem', 'match_case', 'MatchValue', 'MatchSingleton', 'MatchSequence',
    'MatchOr', 'FormattedValue', 'Interpolation',
}


def named(node):
    kind = type(node).__name__
    if kind == 'Name':
        return f'{node.id} {type(node.ctx).__name__}'
    if kind == 'Attribute':
        return node.attr
    if kind == 'alias':
        return f'{node.name} {node.asname}'
    if kind in ('Global', 'Nonlocal'):
        return ' '.join(node.names)
    if kind in ('arg', 'keyword'):
        return str(node.arg)
    if kind == 'MatchMapping':
        return str(node.rest)
    if kind == 'MatchClass':
        return ' '.join(node.kwd_attrs)
    return str(node.name) if isinstance(getattr(node, 'name', ''), (str, type(None))) and hasattr(node, 'name') else ''


def facts(tree):
    found = []
    todo = [(tree, False)]
    while todo:
        node, is_in_format = todo.pop()
        kind = type(node).__name__
        if kind == 'Constant' and isinstance(node.value, (str, bytes)):
            kind = 'String'
        kind = SYNONYMS.get(kind, kind)
        if kind not in UNPLACED and hasattr(node, 'lineno'):
            place = '' if is_in_format else f'{node.lineno}:{node.col_offset}'
            found.append(f'{kind} {place} {named(node)}'.rstrip())
        if isinstance(node, ast.JoinedStr) or kind == 'String':
            todo.extend((field, True) for field in fields_of(node))
        else:
            todo.extend((child, is_in_format) for child in ast.iter_child_nodes(node))
    return sorted(found)


def fields_of(node):
    for field in getattr(node, 'values', []):
        if isinstance(field, ast.Constant):
            continue
        yield field.value
        if field.format_spec is not None:
            yield from fields_of(field.format_spec)


for path in sys.stdin.read().split('\n'):
    try:
        with open(path, 'rb') as file:
            text = file.read().decode('utf-8')
        print(json.dumps(facts(ast.parse(text.removeprefix('\ufeff')))), flush=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        print('null', flush=True)
