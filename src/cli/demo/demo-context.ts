import type { GraphQLClient } from '../graphql-client.ts'
import type { DemoEvent } from './demo-event.ts'

/** What every step of the demo is given. */
export interface DemoContext {
  readonly client: GraphQLClient
  readonly show: (event: DemoEvent) => void
  readonly signal: AbortSignal
}

/** The node that a query must find: the demo made it itself. */
export const expectNode = <Node>(found: { readonly node: Node | null }, what: string): Node => {
  if (found.node === null) throw new Error(`${what} is gone.`)
  return found.node
}

export const isEvent =
  <Type extends DemoEvent['type']>(type: Type, holds: (event: Extract<DemoEvent, { type: Type }>) => boolean) =>
  (event: DemoEvent): event is Extract<DemoEvent, { type: Type }> =>
    event.type === type && holds(event as Extract<DemoEvent, { type: Type }>)
