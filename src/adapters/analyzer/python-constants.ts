import type { SyntaxNode } from './syntax-tree.ts'

/** The constant that a name stands for; null when it may stand for several things, or for something else. */
export type NameLookup = (identifier: SyntaxNode) => string | null

const longest = 10_000
const deepest = 50

/**
 * The value of an expression that is a constant string (or bytes, read as Latin-1), also when it is put
 * together from constants: joined, sliced backwards, decoded. Null when it is not known.
 */
export function constantString(node: SyntaxNode, lookup: NameLookup, depth = 0): string | null {
  if (depth > deepest) return null
  const value = (inner: SyntaxNode | undefined | null): string | null =>
    inner ? constantString(inner, lookup, depth + 1) : null
  const bounded = (text: string | null): string | null => (text !== null && text.length > longest ? null : text)

  switch (node.kind) {
    case 'string':
      return bounded(stringLiteral(node, (inner) => value(inner)))
    case 'concatenated_string':
      return bounded(joined(node.children.map(value), ''))
    case 'parenthesized_expression':
      return value(node.children[0])
    case 'named_expression':
      return value(node.field('value'))
    case 'identifier':
      return lookup(node)
    case 'binary_operator':
      return bounded(operation(node, value))
    case 'subscript': {
      const text = value(node.field('value'))
      const slice = node.children[1]
      if (text === null || slice?.kind !== 'slice') return null
      return /^\s*:\s*:\s*-\s*1\s*$/.test(slice.text) ? [...text].reverse().join('') : null
    }
    case 'call':
      return bounded(callResult(node, value))
    default:
      return null
  }
}

function joined(parts: readonly (string | null)[], separator: string): string | null {
  return parts.every((part) => part !== null) ? parts.join(separator) : null
}

function operation(node: SyntaxNode, value: (inner: SyntaxNode | null) => string | null): string | null {
  const left = node.field('left')
  const right = node.field('right')
  const operator = node.operator
  if (operator === '+') return joined([value(left), value(right)], '')
  if (operator === '*') {
    const text = value(left)
    const count = right?.kind === 'integer' ? integerLiteral(right.text) : null
    return text === null || count === null || count < 0 || count * text.length > longest ? null : text.repeat(count)
  }
  if (operator !== '%' || right === null) return null
  const format = value(left)
  const fillers = right.kind === 'tuple' ? right.children.map(value) : [value(right)]
  return format === null ? null : filled(format, /%s/g, fillers)
}

function filled(format: string, hole: RegExp, fillers: readonly (string | null)[]): string | null {
  if (fillers.includes(null) || (format.match(hole)?.length ?? 0) !== fillers.length) return null
  let next = 0
  return format.replace(hole, () => fillers[next++] ?? '')
}

function callResult(node: SyntaxNode, value: (inner: SyntaxNode | undefined) => string | null): string | null {
  const callee = node.field('function')
  const given = node.field('arguments')?.children ?? []
  const name = callee?.text.replace(/\s+/g, '')
  if (callee?.kind === 'identifier') {
    if (name === 'chr') return given[0]?.kind === 'integer' ? character(integerLiteral(given[0].text)) : null
    if (name === 'str') return value(given[0])
    if (name === 'bytes' || name === 'bytearray') return byteList(given[0]) ?? value(given[0])
    return null
  }
  if (callee?.kind !== 'attribute') return null
  if (name === 'bytes.fromhex') return decoded(value(given[0]), 'hex')
  if (name === 'base64.b64decode') return decoded(value(given[0]), 'base64')
  if (name === 'codecs.decode') return value(given[1])?.replace(/_/g, '') === 'rot13' ? rot13(value(given[0])) : null
  const method = callee.field('attribute')?.text
  const text = value(callee.children[0])
  if (text === null) return null
  switch (method) {
    case 'join': {
      const parts = given[0]
      const isList = parts?.kind === 'list' || parts?.kind === 'tuple'
      return isList ? joined(parts.children.map(value), text) : null
    }
    case 'format':
      return filled(text, /\{\d*\}/g, given.map(value))
    case 'replace': {
      const [from, to] = [value(given[0]), value(given[1])]
      return from === null || to === null ? null : text.split(from).join(to)
    }
    case 'decode':
    case 'encode':
      return text
    case 'strip':
      return given.length === 0 ? text.trim() : null
    case 'lower':
      return text.toLowerCase()
    case 'upper':
      return text.toUpperCase()
    default:
      return null
  }
}

function byteList(node: SyntaxNode | undefined): string | null {
  if (node?.kind !== 'list' && node?.kind !== 'tuple') return null
  return joined(
    node.children.map((item) => (item.kind === 'integer' ? character(integerLiteral(item.text)) : null)),
    '',
  )
}

function decoded(text: string | null, encoding: 'hex' | 'base64'): string | null {
  return text === null ? null : Buffer.from(text.replace(/\s/g, ''), encoding).toString('latin1')
}

function rot13(text: string | null): string | null {
  return (
    text?.replace(/[a-z]/gi, (letter) => {
      const first = letter < 'a' ? 65 : 97
      return String.fromCharCode(((letter.charCodeAt(0) - first + 13) % 26) + first)
    }) ?? null
  )
}

function character(code: number | null): string | null {
  return code === null || code < 0 || code > 0x10ffff ? null : String.fromCodePoint(code)
}

function integerLiteral(text: string): number | null {
  const value = Number(text.replaceAll('_', ''))
  return Number.isSafeInteger(value) ? value : null
}

const simpleEscapes: Readonly<Record<string, string>> = {
  n: '\n',
  t: '\t',
  r: '\r',
  a: '\x07',
  b: '\b',
  f: '\f',
  v: '\v',
  '\n': '',
}

function stringLiteral(node: SyntaxNode, value: (inner: SyntaxNode) => string | null): string | null {
  const opening = node.children[0]
  if (opening?.kind !== 'string_start') return null
  const isRaw = /r/i.test(opening.text)
  const isFormat = /f/i.test(opening.text)
  const parts: (string | null)[] = node.children.slice(1).map((part) => {
    if (part.kind === 'string_content') {
      const text = isFormat ? part.text.replaceAll('{{', '{').replaceAll('}}', '}') : part.text
      return isRaw ? text : unescaped(text)
    }
    if (part.kind === 'interpolation') {
      const expression = part.field('expression')
      return expression === null || part.children.length > 1 ? null : value(expression)
    }
    return ''
  })
  return joined(parts, '')
}

function unescaped(text: string): string | null {
  if (text.includes('\\N{')) return null
  const escapes = /\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{1,3})|(\r\n|[\s\S]))/g
  return text.replace(escapes, (whole, hex, short, long, octal, other: string | undefined) => {
    const digits: string | undefined = hex ?? short ?? long
    if (digits !== undefined) return character(Number.parseInt(digits, 16)) ?? whole
    if (octal !== undefined) return String.fromCharCode(Number.parseInt(octal, 8))
    return simpleEscapes[other ?? ''] ?? (other === '\\' || other === "'" || other === '"' ? other : whole)
  })
}
