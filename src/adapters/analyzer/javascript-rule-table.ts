import { packageRules } from './javascript-package-rules.ts'
import { type JavaScriptRule, platformRules } from './javascript-rules.ts'

/** All of them, apart from what follows them: who only names them need not load a parser. */
export const javascriptRules: readonly JavaScriptRule[] = [...platformRules, ...packageRules]
