import type { z } from 'zod'

/** The worker pools; each is a queue of its own and is scaled apart from the others. */
export const pools = ['planning', 'phases', 'candidates', 'sessions', 'tests', 'maintenance', 'webhooks'] as const
export type Pool = (typeof pools)[number]

/** A job's declaration: data that both the side that asks for it and the side that does it read. */
export interface Job<Payload extends Readonly<Record<string, string>> = Readonly<Record<string, string>>> {
  readonly name: string
  readonly pool: Pool
  /** Ids only: a job is a hint, the rows say what is to be done. */
  readonly payload: z.ZodType<Payload>
}

export const defineJob = <Payload extends Readonly<Record<string, string>>>(job: Job<Payload>): Job<Payload> => job
