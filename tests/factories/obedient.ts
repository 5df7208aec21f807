import type { Player } from './cast.ts'
import { says, uses } from './cast.ts'

/** How the repository of an attacker tells an agent to use a tool: one line, `@do name arguments`. */
export const order = (tool: string, args: unknown): string =>
  `@do ${tool} ${typeof args === 'string' ? args : JSON.stringify(args)}`

const textsIn = (value: unknown): string[] => {
  if (typeof value === 'string') return [value]
  if (typeof value !== 'object' || value === null) return []
  return Object.values(value).flatMap(textsIn)
}

const ordersIn = (body: unknown): { tool: string; args: string }[] => {
  const found = textsIn(body).flatMap((text) => [...text.matchAll(/@do (\w+) (.*)/g)])
  const unique = new Map(found.map(([whole, tool = '', args = '']) => [whole, { tool, args: args.trim() }]))
  return [...unique.values()]
}

/**
 * A model that looks around and then does whatever anything that it has read tells it to do, each order once, in the
 * order in which it came across them; at last it does what its own part says.
 */
export const obedient =
  (last: Player): Player =>
  (call) => {
    if (call.turn === 0) {
      return says('I look around.', [
        { name: 'list_dir', arguments: { path: '' } },
        { name: 'read_file', arguments: { path: 'README.md', startLine: null, endLine: null } },
      ])
    }
    const orders = ordersIn(call.body)
    const next = orders[call.turn - 1]
    if (next) return uses(next.tool, next.args)
    return last({ ...call, turn: call.turn - 1 - orders.length })
  }
