import type { Node } from './javascript-tree.ts'

/** Looks through names, properties and calls of the file's own functions; null when something there is not known. */
export interface ConstantLookup {
  texts(node: Node): readonly string[] | null
  /** The list that an expression stands for. */
  list(node: Node): Extract<Node, { type: 'ArrayExpression' }> | null
  /** True for an identifier that the file does not declare: `String` is what it says. */
  isPlatform(identifier: Node): boolean
  /** True when the file puts something of its own into a property of this name. */
  isOverwritten(name: string): boolean
}

const longest = 10_000
const most = 16
const deepest = 60

/**
 * The texts that an expression can have, also when they are put together from constants: joined, reversed, decoded.
 * Numbers count as their text. Null when one of them is not known.
 */
export function constantTexts(node: Node, lookup: ConstantLookup, depth = 0): readonly string[] | null {
  if (depth > deepest) return null
  const texts = (inner: Node | null | undefined) => (inner ? constantTexts(inner, lookup, depth + 1) : null)
  switch (node.type) {
    case 'StringLiteral':
      return bounded([node.value])
    case 'NumericLiteral':
      return [String(node.value)]
    case 'TemplateLiteral':
      return template(node, texts)
    case 'TaggedTemplateExpression':
      return isStatic(node.tag, 'String', 'raw') ? template(node.quasi, texts) : null
    case 'BinaryExpression': {
      if (node.operator !== '+') return null
      if (numberOf(node.left) !== null && numberOf(node.right) !== null) return [String(numberOf(node))]
      return combined([texts(node.left), texts(node.right)])
    }
    case 'ConditionalExpression':
      return either(texts(node.consequent), texts(node.alternate))
    case 'LogicalExpression':
      return either(texts(node.left), texts(node.right))
    case 'SequenceExpression':
      return texts(node.expressions.at(-1))
    case 'AssignmentExpression':
      return node.operator === '=' ? texts(node.right) : null
    case 'ParenthesizedExpression':
    case 'TSAsExpression':
    case 'TSSatisfiesExpression':
    case 'TSNonNullExpression':
    case 'TSTypeAssertion':
    case 'TypeCastExpression':
      return texts(node.expression)
    case 'NewExpression':
      // What matters of a URL is where it leads to.
      return node.callee.type === 'Identifier' && node.callee.name === 'URL' ? texts(node.arguments[0]) : null
    case 'MemberExpression':
    case 'OptionalMemberExpression': {
      if (node.object.type === 'Identifier' && node.object.name === 'Symbol') return symbolKey
      const index = node.computed ? texts(node.property) : null
      const [text, at] = [index === null ? null : texts(node.object), Number(index?.[0])]
      if (text?.length === 1 && index?.length === 1 && Number.isInteger(at)) return bounded([text[0]?.at(at) ?? ''])
      return lookup.texts(node)
    }
    case 'CallExpression':
    case 'OptionalCallExpression':
      return bounded(callResult(node, texts, lookup) ?? lookup.texts(node))
    case 'Identifier':
      return lookup.texts(node)
    default:
      return null
  }
}

/** A symbol as a key: none that a name of the platform has. */
const symbolKey = ['Symbol()']

type Texts = (node: Node | null | undefined) => readonly string[] | null

function template(node: Extract<Node, { type: 'TemplateLiteral' }>, texts: Texts): readonly string[] | null {
  const parts = node.quasis.flatMap((quasi, index) => {
    const hole = node.expressions[index]
    const text = quasi.value.cooked ?? quasi.value.raw
    return hole === undefined ? [[text]] : [[text], texts(hole)]
  })
  return combined(parts)
}

/** Every way to put one choice of each part behind the other. */
function combined(parts: readonly (readonly string[] | null)[]): readonly string[] | null {
  let whole: readonly string[] = ['']
  for (const part of parts) {
    if (part === null || part.length * whole.length > most) return null
    whole = whole.flatMap((text) => part.map((next) => text + next))
  }
  return bounded(whole)
}

function either(one: readonly string[] | null, other: readonly string[] | null): readonly string[] | null {
  return one === null || other === null ? null : bounded([...new Set([...one, ...other])])
}

function bounded(texts: readonly string[] | null): readonly string[] | null {
  return texts === null || texts.length > most || texts.some((text) => text.length > longest) ? null : texts
}

function isStatic(node: Node, object: string, property: string): boolean {
  return (
    node.type === 'MemberExpression' &&
    node.object.type === 'Identifier' &&
    node.object.name === object &&
    node.property.type === 'Identifier' &&
    node.property.name === property
  )
}

type Call = Extract<Node, { type: 'CallExpression' | 'OptionalCallExpression' }>

function callResult(node: Call, texts: Texts, lookup: ConstantLookup): readonly string[] | null {
  const { callee, arguments: given } = node
  const one = (inner: Node | undefined): string | null => {
    const known = texts(inner)
    return known?.length === 1 ? (known[0] ?? null) : null
  }
  const root = rootOf(callee)
  if (root !== null && !lookup.isPlatform(root) && isNamedAfterPlatform(root.name)) return null
  if (callee.type === 'Identifier') {
    if (callee.name === 'Symbol') return symbolKey
    const text = one(given[0])
    if (text === null) return null
    if (callee.name === 'atob') return [Buffer.from(text, 'base64').toString('latin1')]
    if (callee.name === 'String') return [text]
    if (callee.name === 'unescape' || callee.name.startsWith('decodeURI')) return percentDecoded(text)
    return null
  }
  if (isStatic(callee, 'Symbol', 'for')) return symbolKey
  if (callee.type !== 'MemberExpression' && callee.type !== 'OptionalMemberExpression') return null
  const written = callee.computed ? one(callee.property) : null
  const method = callee.property.type === 'Identifier' && !callee.computed ? callee.property.name : written
  if (method === null || lookup.isOverwritten(method)) return null
  if (isStatic(callee, 'String', 'fromCharCode') || isStatic(callee, 'String', 'fromCodePoint')) {
    const codes = given.map(numberOf)
    return codes.every((code) => code !== null && code >= 0 && code <= 0x10ffff)
      ? [String.fromCodePoint(...codes.map(Number))]
      : null
  }
  if (method === 'join') {
    const parts = listOf(callee.object, one, lookup)
    const separator = given[0] === undefined ? ',' : one(given[0])
    return parts === null || separator === null ? null : [parts.join(separator)]
  }
  if (method === 'toString') return bufferText(callee.object, one(given[0]) ?? 'utf8', one) ?? texts(callee.object)
  const text = one(callee.object)
  if (text === null) return null
  const result = textMethod(text, method, given.map(one), given.map(numberOf))
  return result === null ? null : [result]
}

/** The name at the beginning of `String.fromCharCode` and `Buffer.from(x).toString`. */
function rootOf(node: Node): Extract<Node, { type: 'Identifier' }> | null {
  let inner: Node = node
  while (inner.type === 'MemberExpression' || inner.type === 'CallExpression') {
    inner = inner.type === 'MemberExpression' ? inner.object : inner.callee
  }
  return inner.type === 'Identifier' ? inner : null
}

function isNamedAfterPlatform(name: string): boolean {
  return /^(?:String|Symbol|Buffer|Array|atob|unescape|decodeURI(?:Component)?)$/.test(name)
}

function textMethod(
  text: string,
  method: string | null,
  words: readonly (string | null)[],
  numbers: readonly (number | null)[],
): string | null {
  const [first, second] = numbers
  switch (method) {
    case 'toLowerCase':
      return text.toLowerCase()
    case 'toUpperCase':
      return text.toUpperCase()
    case 'trim':
      return text.trim()
    case 'normalize':
    case 'valueOf':
      return text
    case 'concat':
      return words.includes(null) ? null : text + words.join('')
    case 'replace':
    case 'replaceAll': {
      const [from, to] = words
      if (typeof from !== 'string' || typeof to !== 'string') return null
      return method === 'replace' ? text.replace(from, () => to) : text.replaceAll(from, () => to)
    }
    case 'slice':
      return typeof first === 'number' ? text.slice(first, second ?? undefined) : null
    case 'substring':
      return typeof first === 'number' ? text.substring(first, second ?? undefined) : null
    case 'substr':
      return typeof first === 'number' ? text.slice(first).slice(0, second ?? undefined) : null
    case 'charAt':
    case 'at':
      return typeof first === 'number' ? (text.at(first) ?? '') : null
    case 'repeat':
      return typeof first === 'number' && first >= 0 && first * text.length <= longest ? text.repeat(first) : null
    default:
      return null
  }
}

function percentDecoded(text: string): readonly string[] | null {
  return [text.replace(/%([0-9a-f]{2})/gi, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)))]
}

function bufferText(node: Node, encoding: string, one: (node: Node | undefined) => string | null): string[] | null {
  if (node.type !== 'CallExpression' || !isStatic(node.callee, 'Buffer', 'from')) return null
  const [content, from] = node.arguments
  if (content?.type === 'ArrayExpression') {
    const codes = content.elements.map((element) => (element === null ? null : numberOf(element)))
    return codes.includes(null) ? null : [Buffer.from(codes.map(Number)).toString('latin1')]
  }
  const text = one(content)
  const given = from === undefined ? 'utf8' : one(from)
  if (text === null || given === null || !Buffer.isEncoding(given) || !Buffer.isEncoding(encoding)) return null
  return [Buffer.from(text, given).toString(encoding)]
}

/** The parts of a list that is written down, split from a text, turned round or spread. */
function listOf(node: Node, one: (node: Node | undefined) => string | null, lookup: ConstantLookup): string[] | null {
  if (node.type === 'ArrayExpression') {
    const parts: string[] = []
    for (const element of node.elements) {
      if (element?.type === 'SpreadElement') {
        const inner = one(element.argument)
        const spread = inner === null ? listOf(element.argument, one, lookup) : [...inner]
        if (spread === null) return null
        parts.push(...spread)
        continue
      }
      const text = element === null ? '' : one(element)
      if (text === null) return null
      parts.push(text)
    }
    return parts
  }
  if (node.type !== 'CallExpression' || node.callee.type !== 'MemberExpression') {
    const known = lookup.list(node)
    return known === null ? null : listOf(known, one, lookup)
  }
  const { object, property } = node.callee
  const method =
    property.type === 'Identifier' ? property.name : property.type === 'StringLiteral' ? property.value : ''
  if (method === 'split') {
    const [text, separator] = [one(object), one(node.arguments[0])]
    return text === null || separator === null ? null : text.split(separator)
  }
  if (method === 'reverse' || method === 'toReversed') return listOf(object, one, lookup)?.reverse() ?? null
  if (isStatic(node.callee, 'Array', 'from')) {
    const text = one(node.arguments[0])
    return text === null ? null : [...text]
  }
  return null
}

/** A number that is written down, also with signs and sums. */
function numberOf(node: Node): number | null {
  if (node.type === 'NumericLiteral') return node.value
  if (node.type === 'UnaryExpression') {
    const value = numberOf(node.argument)
    if (value === null) return null
    return node.operator === '-' ? -value : node.operator === '+' ? value : node.operator === '~' ? ~value : null
  }
  if (node.type !== 'BinaryExpression' || node.left.type === 'PrivateName') return null
  const [left, right] = [numberOf(node.left), numberOf(node.right)]
  if (left === null || right === null) return null
  switch (node.operator) {
    case '+':
      return left + right
    case '-':
      return left - right
    case '*':
      return left * right
    case '^':
      return left ^ right
    case '|':
      return left | right
    case '&':
      return left & right
    default:
      return null
  }
}
