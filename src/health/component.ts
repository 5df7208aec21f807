/** What `/readyz`, the query `health` and `countersign doctor` call the parts of a deployment. */
export const componentNames = [
  'database',
  'migrations',
  'clock',
  'queue',
  'outbox',
  'events',
  'workers',
  'sandbox',
  'models',
  'storage',
] as const
export type ComponentName = (typeof componentNames)[number]

/** What a look at a component found. */
export interface Finding {
  readonly ok: boolean
  readonly detail: string | null
  /** Given where this fault leaves the process able to do its own work, and others of the component do not. */
  readonly isNeeded?: boolean
}

export const well = (detail: string | null = null): Finding => ({ ok: true, detail })
export const faulty = (detail: string): Finding => ({ ok: false, detail })

/** One part, and how it is looked at. */
export interface Component {
  readonly name: ComponentName
  /** Whether the process that was asked cannot do its own work without it. */
  readonly isNeeded: boolean
  /** Nothing can be said of it while the database does not answer. */
  readonly readsDatabase: boolean
  /** A finding, or an error whose message is the fault. */
  look(): Promise<Finding>
}
