import { setTimeout as delay } from 'node:timers/promises'
import { getOperationAST, parse } from 'graphql'
import type { TestServer } from '../support/server.ts'
import { fences } from './pages.ts'
import { type Bound, matches } from './placeholders.ts'

interface Shown {
  readonly document: string
  /** As text; null where the page shows none. */
  readonly answer: string | null
}

const pauseMs = 50
// Shorter than a test may take, so that an answer that does not come is shown beside the one that did.
const longestWaitMs = 50_000

/** The requests of a page, each with the answer that is shown below it. */
export const requestsOf = (page: string): readonly Shown[] => {
  const blocks = fences(page)
  return blocks.flatMap(({ language, text }, index) => {
    if (language !== 'graphql') return []
    const next = blocks[index + 1]
    return [{ document: text, answer: next?.language.startsWith('json') ? next.text : null }]
  })
}

const variablesOf = (document: string, bound: Bound): Record<string, string> => {
  const names = getOperationAST(parse(document))?.variableDefinitions?.map(({ variable }) => variable.name.value) ?? []
  return Object.fromEntries(
    names.map((name) => {
      const value = bound.get(name)
      if (value === undefined) throw new Error(`Nothing before it gives $${name}:\n${document}`)
      return [name, value]
    }),
  )
}

/** Asks until the answer is the one that is shown, as a page would that waits for work, and the time is over. */
const settled = async (ask: () => Promise<unknown>, fits: (actual: unknown) => boolean): Promise<unknown> => {
  const limit = AbortSignal.timeout(longestWaitMs)
  for (;;) {
    const actual = await ask()
    if (fits(actual) || limit.aborted) return actual
    await delay(pauseMs)
  }
}

const difference = (document: string, shown: unknown, actual: unknown): Error =>
  new Error(
    `The page shows another answer to\n${document}\nshown: ${JSON.stringify(shown, null, 2)}\nactual: ${JSON.stringify(actual, null, 2)}`,
  )

/**
 * Makes a page's requests one after the other, and holds each answer against the one that is shown.
 * @param bound what earlier answers gave, for the variables of these; takes what these give
 * @throws Error with both answers where they differ
 */
export const play = async (page: string, server: TestServer, bound: Bound): Promise<void> => {
  for (const { document, answer } of requestsOf(page)) {
    const variables = variablesOf(document, bound)
    const kind = getOperationAST(parse(document))?.operation
    if (answer === null) throw new Error(`${page} shows no answer to\n${document}`)
    if (kind === 'subscription') {
      await readEvents(server, document, variables, answer, bound)
      continue
    }
    const shown = JSON.parse(answer)
    const ask = async () => {
      const { status: _, ...actual } = await server.request(document, variables)
      return actual
    }
    const fits = (actual: unknown): boolean => {
      const found = new Map(bound)
      if (!matches(shown, actual, found)) return false
      for (const [name, value] of found) bound.set(name, value)
      return true
    }
    const actual = kind === 'query' ? await settled(ask, fits) : await ask()
    if (!fits(actual)) throw difference(document, shown, actual)
  }
}

/** Holds the first events of a subscription against those that are shown, one a line. */
const readEvents = async (
  server: TestServer,
  document: string,
  variables: object,
  answer: string,
  bound: Bound,
): Promise<void> => {
  const events = server.subscribe(document, variables)
  try {
    for (const line of answer.trim().split('\n')) {
      const { value: actual } = await events.next()
      const shown = JSON.parse(line)
      if (!matches(shown, actual, bound)) throw difference(document, shown, actual)
    }
  } finally {
    await events.return?.()
  }
}
