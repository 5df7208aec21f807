import type { StartOptions } from '../../src/start.ts'
import type { CallState } from './fault-points.ts'

/** What is done to a process: it is killed, stopped until it is told to go on, or cut off from its stores. */
export type FaultAction = 'kill' | 'pause' | 'cut'

/** Tells a process what to do to itself when it next reaches one of these points. */
export interface Armed {
  readonly points: readonly string[]
  readonly action: FaultAction
}

/** What a server's process is started with. */
export interface ProcessOptions {
  readonly env: Readonly<Record<string, string>>
  readonly api: boolean
  readonly pools: StartOptions['pools']
  /** What can be said in JSON of the start's overrides. */
  readonly overrides: StartOptions['overrides']
  /** The file that tells where the bundled lines come from. */
  readonly sourceRows: string
  /** Where database and Redis listen: what `cut` cuts. */
  readonly storePorts: readonly number[]
}

/** What it tells, a line of JSON each. */
export type Report =
  | { readonly kind: 'ready'; readonly name: string; readonly url: string; readonly token: string }
  | { readonly kind: 'failed'; readonly error: string }
  /** How often each point was passed since the last time. */
  | { readonly kind: 'passed'; readonly counts: Readonly<Record<string, number>> }
  /** The last word before a kill. */
  | {
      readonly kind: 'hit'
      readonly point: string
      readonly action: FaultAction
      /** The last points of the other jobs that were under way: each is broken off between that one and its next. */
      readonly beside: readonly string[]
    }
  | { readonly kind: 'calls'; readonly states: readonly CallState[]; readonly outcome: 'begun' | 'stored' | 'refused' }
  | {
      readonly kind: 'job'
      readonly name: string
      readonly payload: Readonly<Record<string, string>>
      readonly state: 'taken' | 'done'
    }
