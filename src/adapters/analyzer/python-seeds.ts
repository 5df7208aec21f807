import type { RuleIndex } from './rule-index.ts'

const builtinTricks = ['getattr', 'vars', 'globals', 'locals', '__builtins__', 'object', 'type']
/** Names without a rule of their own that lead to others. */
export const trickSymbols = new Set([
  ...builtinTricks.map((name) => `builtins.${name}`),
  ...['sys', 'sys.modules', 'inspect', 'inspect.getattr_static', 'operator'],
  ...['operator.attrgetter', 'operator.methodcaller', 'operator.itemgetter'],
])
/** Modules that other modules import, and so can be reached as their attributes: `random._os`. */
const reachableModules =
  'os sys subprocess builtins socket importlib pickle marshal shutil io pty ctypes multiprocessing runpy code'
export const reachable: ReadonlySet<string> = new Set(reachableModules.split(' '))

/** Names of builtins that an analysis starts from. */
export function builtinSeeds(rules: RuleIndex): ReadonlySet<string> {
  return new Set([...builtinTricks, ...rules.namesBelow('builtins')])
}

/** Attributes that lead to modules or names, whatever the object they are read from. */
export const attributeSeeds: ReadonlySet<string> = new Set([
  ...['__globals__', '__builtins__', 'f_globals', 'f_builtins', '__self__'],
  ...[...reachable].flatMap((name) => [name, `_${name}`]),
])

/** True for modules that have rules, or lead to modules that have. */
export function isModuleOfInterest(rules: RuleIndex, name: string): boolean {
  return rules.roots.has(name) || trickSymbols.has(name)
}
