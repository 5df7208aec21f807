/**
 * Names without a rule of their own that lead to others. What begins with `#` stands for any object of a kind:
 * an instance, a function, what functions inherit from.
 */
export const anyInstance = '#instance'
export const anyFunction = '#function'
export const functionPrototype = '#prototype'

const object = ['assign', 'create', 'freeze', 'seal', 'getPrototypeOf', 'getOwnPropertyDescriptor', 'setPrototypeOf']
const reflect = ['get', 'apply', 'construct', 'getPrototypeOf', 'getOwnPropertyDescriptor']

/** Functions whose result is, or does, what their first argument is or does. */
export const transparentFunctions: ReadonlySet<string> = new Set([
  ...['freeze', 'seal', 'create', 'preventExtensions'].map((name) => `globalThis.Object.${name}`),
  ...['globalThis.Proxy', 'globalThis.Promise.resolve', 'globalThis.Object'],
  ...['util.promisify', 'util.callbackify', 'util.deprecate', 'util.debuglog', 'pify', 'thenify', 'async.asyncify'],
  ...['es6-promisify.promisify', 'bluebird.promisify', 'bluebird.promisifyAll', 'bluebird.method'],
  ...['tslib.__importDefault', 'tslib.__importStar', 'lodash.once', 'lodash.memoize', 'lodash.partial', 'lodash.bind'],
  ...['@babel/runtime/helpers/interopRequireDefault', '@babel/runtime/helpers/interopRequireWildcard'],
])

/** Functions of the platform that do with a module nothing but what is followed, or nothing at all. */
export const followedFunctions: ReadonlySet<string> = new Set([
  ...['assign', 'setPrototypeOf', 'getPrototypeOf', 'getOwnPropertyDescriptor'].map(
    (name) => `globalThis.Object.${name}`,
  ),
  ...reflect.map((name) => `globalThis.Reflect.${name}`),
  ...['globalThis.Promise.all', 'globalThis.Object.keys', 'globalThis.Object.getOwnPropertyNames'],
])

/** What compilers call the function through which they pass each module that they require. */
export const interopHelper =
  /^(?:__importStar|__importDefault|_{0,2}interopRequire(?:Default|Wildcard)|_interop(?:Namespace|Default)\w*|__toESM|__toCommonJS)$/

export const trickSymbols: ReadonlySet<string> = new Set([
  ...[anyInstance, anyFunction, functionPrototype],
  ...transparentFunctions,
  ...followedFunctions,
  ...object.map((name) => `globalThis.Object.${name}`),
  ...reflect.map((name) => `globalThis.Reflect.${name}`),
  ...['globalThis.Reflect', 'globalThis.Promise', 'globalThis.Promise.all', 'util', 'bluebird', 'lodash', 'tslib'],
  ...['es6-promisify', 'async', 'globalThis', 'process', 'module', 'globalThis.document', 'globalThis.navigator'],
  ...['module.createRequire', 'module.createRequireFromPath', 'globalThis.require'],
])

const builtinConstructors = new Set([
  ...['Array', 'Boolean', 'Date', 'Error', 'Map', 'Number', 'RegExp', 'Set', 'String', 'Symbol', 'WeakMap', 'BigInt'],
  ...['parseInt', 'parseFloat', 'isNaN', 'encodeURIComponent', 'decodeURIComponent', 'alert', 'queueMicrotask'],
])

/** What a platform name is when no rule knows it: a function like any other, or nothing of interest. */
export function plainGlobal(name: string): string | null {
  return builtinConstructors.has(name) ? anyFunction : null
}

const inherited: ReadonlySet<string> = new Set(
  [Object.prototype, Array.prototype, String.prototype, Number.prototype, RegExp.prototype, Function.prototype].flatMap(
    (prototype) => Object.getOwnPropertyNames(prototype),
  ),
)

/** True for methods that every object, array, text or function has. */
export function isInherited(name: string): boolean {
  return inherited.has(name) && name !== 'constructor'
}

/** What a property of one of the kinds is, where that leads on to the constructor of functions. */
export function attributeOfKind(kind: string, name: string): string | null {
  if (name === 'constructor') return kind === anyInstance ? anyFunction : 'globalThis.Function'
  if (name === '__proto__') return kind === anyInstance ? anyInstance : functionPrototype
  if (name === 'prototype') return anyInstance
  return kind === anyInstance && isInherited(name) ? anyFunction : null
}

/** What `Object.getPrototypeOf` gives for one of the kinds. */
export function prototypeOf(kind: string): string {
  return kind === anyInstance ? anyInstance : functionPrototype
}
