import { Parser } from './python-parser.ts'
import { readLine, readStatements } from './python-parser-blocks.ts'
import type { TokenList } from './python-token-list.ts'
import { tokenize } from './python-tokenizer.ts'
import { END } from './python-tokens.ts'
import { PythonTree } from './python-tree.ts'

/**
 * Makes the tree of a source; one always results. What is no Python becomes a node of the kind ERROR, and its place
 * one of the tree's faults. It is read by the grammar of all versions from 3.8 to 3.14, and knows Python 2's `print`
 * and `exec`.
 */
export function parseTokens(list: TokenList): PythonTree {
  const tree = new PythonTree(list)
  const parser = new Parser(tree)
  tree.readLinesBy((token) => readLine(parser, token))
  while (parser.kind !== END) {
    readStatements(parser, tree.root)
    if (parser.kind !== END) parser.at += 1
  }
  return tree
}

/** The tree of a text. */
export function parsePython(text: string): PythonTree {
  return parseTokens(tokenize(text))
}
