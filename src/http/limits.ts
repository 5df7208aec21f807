/** What one GraphQL operation may ask for. */
export interface OperationLimits {
  /** How many fields may lie inside each other. */
  readonly maxDepth: number
  /** How many fields the largest answer may have: a list counts as often as it has entries. */
  readonly maxCost: number
  /** How many names, values and signs the document may have. */
  readonly maxTokens: number
  readonly maxAliases: number
}

/** Several times what the largest operations of this project's own clients need. */
export const defaultOperationLimits: OperationLimits = {
  maxDepth: 15,
  maxCost: 100_000,
  maxTokens: 4_000,
  maxAliases: 100,
}

/**
 * How many pairs of fields validation may compare: 140 repetitions of one field. A person writes none, and programs that
 * put documents together some dozens; thousands take seconds.
 */
export const maxFieldComparisons = 10_000

/** How many characters a document may have, whatever they are: what is long is sent as a variable. */
export const maxDocumentLength = 256 * 1024

/** How many requests are answered. */
export interface RateRules {
  /** By token, and by address for those who are not signed in; 0 sets no limit. */
  readonly requestsPerMinute: number
  /** How many proxies stand before this server, each of which adds to X-Forwarded-For; 0 believes nothing of it. */
  readonly trustedProxies: number
}

export const defaultRequestsPerMinute = 6_000

/** What a wrong token counts, as a part of the requests of a minute. */
export const failedSignInShare = 1 / 100

/** How many tokens, and how many addresses, are remembered at the most; who has not asked for longest is forgotten. */
export const maxRememberedCallers = 10_000

/** What one WebSocket connection, and one token's connections together, may take. */
export interface WebSocketLimits {
  /** How long a connection may have no operation. */
  readonly idleMs: number
  /** Connections that stay open: also those of subscriptions over HTTP, each of which has one. */
  readonly maxPerToken: number
  /** How many operations of a connection may be under way; as many again may be canceled and not yet at their end. */
  readonly maxOperations: number
  /** How many connections may not yet have been told that they are let in: those of one address, and all. */
  readonly maxStrangersPerAddress: number
  readonly maxStrangers: number
  /** How many bytes may come on one until then. */
  readonly maxStrangerBytes: number
  /** How long a client may take to say who it is. */
  readonly initMs: number
  /** How often it is asked for a sign of life; by the next time it must have answered. */
  readonly pingMs: number
}

export const defaultWebSocketLimits: WebSocketLimits = {
  idleMs: 600_000,
  maxPerToken: 200,
  maxOperations: 200,
  // Everybody comes again at once when a process has ended, behind a proxy from one address.
  maxStrangersPerAddress: 500,
  maxStrangers: 2_000,
  maxStrangerBytes: 16 * 1024,
  initMs: 3_000,
  pingMs: 12_000,
}

// The largest patch is 5 MiB, and JSON may double it; archives come as multipart and have their own limit.
export const maxBodyBytes = 16 * 1024 * 1024
export const maxArchiveBytes = 210 * 1024 * 1024

/**
 * How many bytes of bodies may be under way in this process, from when they are announced until their request is
 * answered: of one token, and of all. Small ones do not count. What is read of an archive is kept until it is stored.
 */
export const bodyLimits = { each: 256 * 1024 * 1024, all: 512 * 1024 * 1024, small: 1024 * 1024 } as const

/** Which stored operations may be asked for by their hash. */
export interface PersistedRules {
  /** A JSON object of documents by their SHA-256; none: there are no such operations. */
  readonly file: string | undefined
  /** Refuses every other operation. */
  readonly only: boolean
}

/** How the API may be used; what the environment decides of it. */
export interface ApiRules {
  readonly graphiql: boolean
  readonly introspection: boolean
  readonly operations: OperationLimits
  readonly persisted: PersistedRules
  readonly rate: RateRules
  readonly webSockets: WebSocketLimits
}
