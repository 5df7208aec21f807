/** Used where a request sets no limit: without one, its worst case would be the model's own. */
export const defaultOutputTokens = 4_096
const mostOutputTokens = 1_000_000

const modelName = /^[\w.:/@-]{1,200}$/

type Fields = Readonly<Record<string, unknown>>

export const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** The first of a request's fields that a test may not use; null when there is none. */
export const unknownField = (body: Fields, allowed: ReadonlySet<string>): string | null => {
  const found = Object.keys(body).find((name) => !allowed.has(name))
  return found === undefined ? null : `${JSON.stringify(found.slice(0, 100))} is not offered by this gateway.`
}

export const modelFault = (model: unknown): string | null =>
  typeof model === 'string' && modelName.test(model) ? null : '"model" must name a model.'

export const isOutputLimit = (value: unknown): value is number =>
  Number.isSafeInteger(value) && Number(value) > 0 && Number(value) <= mostOutputTokens

/**
 * Looks through messages for what is not plain conversation. A link or a stored object would have the provider fetch
 * something in the server's name, and what an image costs cannot be told from its size.
 */
export const contentFault = (content: unknown, allowed: ReadonlySet<string>): string | null => {
  const waiting: unknown[] = [content]
  while (waiting.length > 0) {
    const value = waiting.pop()
    if (Array.isArray(value)) {
      for (const item of value) waiting.push(item)
      continue
    }
    if (!isFields(value)) continue
    const { type } = value
    if (type !== undefined && (typeof type !== 'string' || !allowed.has(type))) {
      return `Content of the type ${JSON.stringify(type)?.slice(0, 100)} is not offered by this gateway, which takes text and the use of tools.`
    }
    const caching = cachingFault(value)
    if (caching !== null) return caching
    for (const [name, member] of Object.entries(value)) {
      // What a model gave to a tool is any JSON.
      if (type !== 'tool_use' || name !== 'input') waiting.push(member)
    }
  }
  return null
}

/** What is kept for longer than five minutes has another price, which no reservation foresees. */
export const cachingFault = (value: Fields): string | null => {
  const { cache_control: caching } = value
  if (!isFields(caching) || caching.ttl === undefined || caching.ttl === '5m') return null
  return '"cache_control" is offered with a "ttl" of "5m" alone.'
}

/** Tools that the provider itself would run reach the network and cost extra: only those that the test runs are taken. */
export const toolFault = (tools: unknown, allowed: readonly (string | undefined)[]): string | null => {
  if (tools === undefined || tools === null) return null
  if (!Array.isArray(tools)) return '"tools" must be a list.'
  for (const tool of tools) {
    if (!isFields(tool)) return 'Each of "tools" must be an object.'
    const caching = cachingFault(tool)
    if (caching !== null) return caching
    if (allowed.includes(tool.type as string | undefined)) continue
    return `A tool of the type ${JSON.stringify(tool.type)?.slice(0, 100)} is not offered by this gateway: the test runs its tools itself.`
  }
  return null
}
