import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { leaseOn, withLease } from '../../src/domain/lease/lease.ts'
import type { BenchContext, Comparison } from '../harness/benchmark.ts'
import { fewestStatements } from '../harness/fewest-statements.ts'
import { type Arm, paired, timed } from '../harness/paired.ts'
import { type Countersign, storeStep } from './countersign.ts'

const stepsPerJob = 3
// One that takes the lease, one for each step, and one that lets the lease go, which ours does not wait for on the disk.
const commits = stepsPerJob + 2
const jobsPerSample = 20
const jobsInSmall = 2

/** Three stored steps in one job, beside as many bare commits as that takes. */
export const compareStoredSteps = async (
  context: BenchContext,
  databaseUrl: string,
  { services }: Countersign,
): Promise<Comparison> => {
  await using stack = new AsyncDisposableStack()
  const pool = stack.adopt(new pg.Pool({ connectionString: databaseUrl, max: 1 }), (opened) => opened.end())
  const jobs = context.isSmall ? jobsInSmall : jobsPerSample
  const never = new AbortController().signal
  const newRow = async () => {
    const id = randomUUID()
    await pool.query(`insert into bench_step (id, state) values ($1, 'ASKED')`, [id])
    return id
  }
  const byLease = async (id: string) => {
    await withLease(services, leaseOn('maintenance', id), never, async (lease) => {
      for (let step = 0; step < stepsPerJob; step++) await lease.transact((tx) => storeStep(tx, id))
    })
  }
  const bare = async (id: string) => {
    for (let commit = 0; commit < commits; commit++) {
      const text = `update bench_step set state = 'DONE', steps = steps + 1 where id = $1`
      await pool.query({ name: 'store', text, values: [id] })
    }
  }
  const armOf = (work: (id: string) => Promise<void>): Arm => ({
    async output() {
      const id = await newRow()
      await work(id)
      const { rows } = await pool.query('select state from bench_step where id = $1', [id])
      return rows
    },
    async sample() {
      const ids: string[] = []
      for (let count = 0; count < jobs; count++) ids.push(await newRow())
      const took = await timed(async () => {
        for (const id of ids) await work(id)
      })
      return took / jobs
    },
  })
  const { samples, compared } = await paired(context, {
    rounds: 25,
    warmUp: 3,
    arms: { ours: armOf(byLease), reference: armOf(bare) },
  })
  const id = await newRow()
  const counts = await fewestStatements(() => byLease(id))
  return {
    name: 'three stored steps in one job, with its lease',
    reference: 'five bare commits: single updates, prepared',
    unit: 'ms',
    samples,
    goal: { atMost: 1.5 },
    counts: { 'round trips': counts.statements, transactions: counts.commits },
    compared,
    note: 'Ours takes the lease, stores the steps and lets the lease go: the last of ours is not waited for on the disk.',
  }
}
