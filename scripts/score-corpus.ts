import { judge, readCorpus, scores, scoreTable } from '../tests/safety/corpus.ts'

/**
 * Scores the analysis on a corpus of labelled snippets, written as docs/SAFETY.md says.
 * Usage: node scripts/score-corpus.ts PATH [--ext .py] [--json]
 */
const [path, ...options] = process.argv.slice(2)
if (path === undefined || path.startsWith('-')) {
  console.error('Usage: node scripts/score-corpus.ts PATH [--ext .py] [--json]')
  process.exit(2)
}
const named = options.indexOf('--ext')
const snippets = readCorpus(path, named === -1 ? '.py' : (options[named + 1] ?? '.py'))
if (snippets.length === 0) {
  console.error(`There is no snippet in ${path}: each begins with a line like "# === its name".`)
  process.exit(1)
}
const verdicts = judge(snippets)
console.log(options.includes('--json') ? JSON.stringify(scores(verdicts)) : scoreTable(verdicts))
