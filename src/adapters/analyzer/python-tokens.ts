/**
 * The kinds of Python's tokens, as small numbers: a token is an entry in arrays, never an object. Kinds whose
 * text is always the same are made from that text.
 */
const structural = [
  ...['end', 'newline', 'indent', 'dedent', 'name', 'integer', 'float', 'string'],
  ...['template start', 'template text', 'template end', 'field open', 'field close', 'fault'],
] as const

const operators = [
  ...['(', ')', '[', ']', '{', '}', ':', ',', ';', '.', '=', '@', '|', '^', '&', '<', '>', '+', '-', '*', '/', '%'],
  ...['~', '!', '->', ':=', '==', '!=', '<>', '<=', '>=', '<<', '>>', '**', '//', '...', '+=', '-=', '*=', '/=', '%='],
  ...['@=', '&=', '|=', '^=', '<<=', '>>=', '**=', '//='],
] as const

const keywords = [
  ...['False', 'None', 'True', 'and', 'as', 'assert', 'async', 'await', 'break', 'class', 'continue', 'def', 'del'],
  ...['elif', 'else', 'except', 'finally', 'for', 'from', 'global', 'if', 'import', 'in', 'is', 'lambda', 'nonlocal'],
  ...['not', 'or', 'pass', 'raise', 'return', 'try', 'while', 'with', 'yield'],
] as const

/** Names that mean something only where the grammar expects it. */
const softKeywords = ['match', 'case', 'type', '_', 'print', 'exec'] as const

/** What each kind is written as, or called. */
export const kindTexts: readonly string[] = [...structural, ...operators, ...keywords]

type KindText = (typeof structural)[number] | (typeof operators)[number] | (typeof keywords)[number]

const kind = (text: KindText): number => kindTexts.indexOf(text)

/** Names that every table of names begins with, in this order: an identifier below `keywordCount` is a keyword. */
export const reservedNames: readonly string[] = [...keywords, ...softKeywords]
export const keywordCount = keywords.length
export const firstKeyword = structural.length + operators.length

const softName = (text: (typeof softKeywords)[number]): number => reservedNames.indexOf(text)

export const nameMatch = softName('match')
export const nameCase = softName('case')
export const nameType = softName('type')
export const nameUnderscore = softName('_')
export const namePrint = softName('print')
export const nameExec = softName('exec')

export const END = kind('end')
export const NEWLINE = kind('newline')
export const INDENT = kind('indent')
export const DEDENT = kind('dedent')
export const NAME = kind('name')
export const INTEGER = kind('integer')
export const FLOAT = kind('float')
export const STRING = kind('string')
export const TEMPLATE_START = kind('template start')
export const TEMPLATE_TEXT = kind('template text')
export const TEMPLATE_END = kind('template end')
export const FIELD_OPEN = kind('field open')
export const FIELD_CLOSE = kind('field close')
/** Text that is no token of Python. */
export const FAULT = kind('fault')

export const PAREN_OPEN = kind('(')
export const PAREN_CLOSE = kind(')')
export const BRACKET_OPEN = kind('[')
export const BRACKET_CLOSE = kind(']')
export const BRACE_OPEN = kind('{')
export const BRACE_CLOSE = kind('}')
export const COLON = kind(':')
export const COMMA = kind(',')
export const SEMICOLON = kind(';')
export const DOT = kind('.')
export const ASSIGN = kind('=')
export const AT = kind('@')
export const PLUS = kind('+')
export const MINUS = kind('-')
export const TILDE = kind('~')
export const STAR = kind('*')
export const SLASH = kind('/')
export const BAR = kind('|')
export const EXCLAMATION = kind('!')
export const ARROW = kind('->')
export const WALRUS = kind(':=')
export const POWER = kind('**')
export const ELLIPSIS = kind('...')

export const FALSE = kind('False')
export const NONE = kind('None')
export const TRUE = kind('True')
export const AS = kind('as')
export const ASSERT = kind('assert')
export const ASYNC = kind('async')
export const AWAIT = kind('await')
export const BREAK = kind('break')
export const CLASS = kind('class')
export const CONTINUE = kind('continue')
export const DEF = kind('def')
export const DEL = kind('del')
export const ELIF = kind('elif')
export const ELSE = kind('else')
export const EXCEPT = kind('except')
export const FINALLY = kind('finally')
export const FOR = kind('for')
export const FROM = kind('from')
export const GLOBAL = kind('global')
export const IF = kind('if')
export const IMPORT = kind('import')
export const IN = kind('in')
export const IS = kind('is')
export const LAMBDA = kind('lambda')
export const NONLOCAL = kind('nonlocal')
export const NOT = kind('not')
export const PASS = kind('pass')
export const RAISE = kind('raise')
export const RETURN = kind('return')
export const TRY = kind('try')
export const WHILE = kind('while')
export const WITH = kind('with')
export const YIELD = kind('yield')

/** A table with one entry a kind: 1 for those named, 0 for the others. */
export function kindSet(texts: readonly KindText[]): Uint8Array {
  const set = new Uint8Array(kindTexts.length)
  for (const text of texts) set[kind(text)] = 1
  return set
}

/** A table with one entry a kind: 1 for what the first texts hold, 2 for the second, and so on; else 0. */
export function kindLevels(levels: readonly (readonly KindText[])[]): Uint8Array {
  const table = new Uint8Array(kindTexts.length)
  for (const [index, texts] of levels.entries()) for (const text of texts) table[kind(text)] = index + 1
  return table
}

/** Operators by their characters: of one, and of two as `first * 128 + second`; 0 for none. */
export const singleOperators = new Uint8Array(128)
export const doubleOperators = new Uint8Array(128 * 128)
/** What an operator of two characters becomes when `=` follows. */
export const assignmentOf = new Uint8Array(kindTexts.length)
for (const text of operators) {
  if (text.length === 1) singleOperators[text.charCodeAt(0)] = kind(text)
  if (text.length === 2) doubleOperators[text.charCodeAt(0) * 128 + text.charCodeAt(1)] = kind(text)
  if (text.length === 3 && text.endsWith('=')) assignmentOf[kindTexts.indexOf(text.slice(0, 2))] = kind(text)
}
