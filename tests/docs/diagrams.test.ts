import { expect, it } from 'vitest'
import { diffTransitions } from '../../src/domain/diff/diff.status.ts'
import { pools } from '../../src/jobs/job.ts'
import { blocks, pages } from './pages.ts'

const diagrams = pages.flatMap((page) => blocks(page, 'mermaid').map((text) => ({ page, text })))

const brackets: Readonly<Record<string, string>> = { ']': '[', ')': '(', '}': '{' }

/** The brackets that are opened and not closed, or the other way round, outside of quoted labels. */
const unbalanced = (line: string): string => {
  let open = ''
  for (const sign of line.replaceAll(/"[^"]*"/g, '').replaceAll(/--+>|==+>/g, '')) {
    if ('[({'.includes(sign)) open += sign
    else if (sign in brackets) {
      if (open.at(-1) !== brackets[sign]) return open + sign
      open = open.slice(0, -1)
    }
  }
  return open
}

// No parser of these is at hand: what people most often get wrong is looked at.
it.each(diagrams)('a diagram of $page is of a kind that GitHub draws, and each of its lines is whole', ({ text }) => {
  const [kind = '', ...lines] = text.trimEnd().split('\n')
  expect(kind).toMatch(/^(flowchart (LR|TD)|sequenceDiagram|stateDiagram-v2)$/)
  expect(lines.filter((line) => unbalanced(line) !== '' || (line.match(/"/g)?.length ?? 0) % 2 !== 0)).toEqual([])
  const reserved = lines.filter((line) => /^\s*(end|graph|subgraph|class|style)[\s[({]/.test(line))
  expect(reserved).toEqual([])
})

it('the states of a diff are drawn as its table has them', () => {
  const [drawing = ''] = blocks('docs/concepts.md', 'mermaid').filter((text) => text.startsWith('stateDiagram'))
  const drawn = [...drawing.matchAll(/^ +(\w+) --> (\w+)$/gm)].map(([, from, to]) => `${from} ${to}`)
  const allowed = Object.entries(diffTransitions).flatMap(([from, targets]) => targets.map((to) => `${from} ${to}`))
  expect(drawn.toSorted()).toEqual(allowed.filter((change) => !change.endsWith(' SUPERSEDED')).toSorted())
})

it('the pools are drawn as they are', () => {
  const drawing = blocks('docs/concepts.md', 'mermaid').find((text) => text.includes('queue[(')) ?? ''
  const drawn = [...drawing.matchAll(/queue --> (\w+)/g)].map(([, pool]) => pool)
  expect(drawn.toSorted()).toEqual([...pools].toSorted())
})
