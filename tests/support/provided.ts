/** What the global set-up of a test run hands to the tests. */

export type ProvidedDatabase =
  | {
      /** A server's maintenance database, with a role that may create databases. */
      readonly serverUrl: string
      /** The migrated database that each test's own is cloned from. */
      readonly template: string
    }
  | { readonly fault: string }

export type ProvidedSandbox = { readonly driver: 'auto' } | { readonly driver: 'none'; readonly reason: string }

export type ProvidedRedis = { readonly url: string } | { readonly url: null; readonly reason: string }

declare module 'vitest' {
  export interface ProvidedContext {
    database: ProvidedDatabase
    /** A directory of the run's own, for what need not survive it. */
    files: string
    /** The directory of what tests start as processes: `programFile` names one. */
    programs: string
    redis: ProvidedRedis
    sandbox: ProvidedSandbox
  }
}
