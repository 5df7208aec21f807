import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { createHeldLeases } from '../../src/domain/lease/held-leases.ts'
import { type HeldLease, LeaseLostError, revokeLeases, withLease } from '../../src/domain/lease/lease.ts'
import { Project } from '../../src/domain/project/project.entity.ts'
import { rows } from '../../src/domain/shared/database.ts'
import { runStatement } from '../../src/domain/shared/run-statement.ts'
import type { Services } from '../../src/domain/shared/services.ts'
import { type Transaction, transact } from '../../src/domain/shared/transact.ts'
import { settleCommitJob } from '../../src/jobs/settle-commit.ts'
import { readyProject, rowId } from '../factories/pipeline.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

let server: TestServer
let projectId: string
beforeAll(async () => {
  server = await startTestServer()
  projectId = rowId(await readyProject(server))
})
afterAll(() => server[Symbol.asyncDispose]())

const never = new AbortController().signal

/** Another process's services. */
const worker = (processName: string, leaseMs = 10_000): Services => ({
  ...server.context.services,
  processName,
  leaseMs,
})

const rename = (lease: HeldLease, name: string) =>
  lease.transact(async (tx) => {
    const project = await tx.em.findOneOrFail(Project, { id: projectId })
    project.name = name
  })

const ofDiff = () => ({ diffId: projectId, status: 'PROPOSED' }) as const

/** The project's name, and how many events and jobs there are. */
const everything = async () => {
  const [row] = await server.context.services
    .em()
    .execute<{ name: string; events: string; jobs: string }[]>(
      'select name, (select count(*) from event) as events, (select count(*) from outbox) as jobs from project where id = ?',
      [projectId],
    )
  return row
}

const nameNow = async () => (await server.context.services.em().findOneOrFail(Project, { id: projectId })).name

/** Takes the lease's time away, as a long pause of its holder does. */
const expire = (resource: string) =>
  rows(server.context.services.em())
    .updateTable('Lease')
    .set({ until: new Date(Date.now() - 1_000) })
    .where('resource', '=', resource)
    .execute()

const aborted = (signal: AbortSignal) =>
  new Promise<unknown>((resolve) => {
    if (signal.aborted) resolve(signal.reason)
    signal.addEventListener('abort', () => resolve(signal.reason))
  })

it('a holder that was paused past its lease cannot write once another has the step, and is told', async () => {
  const resource = 'project:fencing'
  const taken = Promise.withResolvers<void>()
  const paused = withLease(worker('first'), resource, never, async (lease) => {
    await rename(lease, 'by the first')
    await expire(resource)
    await withLease(worker('second'), resource, never, async (second) => rename(second, 'by the second'))
    taken.resolve()
    await expect(rename(lease, 'by the first, late')).rejects.toBeInstanceOf(LeaseLostError)
    expect(await aborted(lease.signal)).toBeInstanceOf(LeaseLostError)
  })
  await taken.promise
  await paused
  expect(await nameNow()).toBe('by the second')
})

it.each<[string, (tx: Transaction) => Promise<unknown>]>([
  ['an entity is loaded', (tx: Transaction) => tx.em.findOneOrFail(Project, { id: projectId })],
  [
    'a row is written with values',
    (tx: Transaction) => runStatement(tx.em, 'update project set name = $1 where id = $2', ['late', projectId]),
  ],
  [
    'a row is written as a text',
    (tx: Transaction) => tx.em.execute('update project set name = ? where id = ?', ['late', projectId]),
  ],
  ['only an event is told', async (tx: Transaction) => tx.emit({ projectId }, { type: 'DiffChanged', ...ofDiff() })],
  ['only a job is asked for', async (tx: Transaction) => tx.enqueue(settleCommitJob, { diffId: projectId })],
  ['nothing is done', async () => {}],
  [
    'no notice is taken of the refusal',
    async (tx: Transaction) => {
      await runStatement(tx.em, 'update project set name = $1', ['late']).catch(() => {})
    },
  ],
])('a holder whose lease was lost is refused, whatever comes first: %s', async (what, first) => {
  const resource = `project:lost, ${what}`
  const before = await everything()
  await withLease(worker('first'), resource, never, async (lease) => {
    await rename(lease, 'in time')
    await expire(resource)
    const refusal = what.startsWith('no notice') ? Error : LeaseLostError
    await expect(lease.transact(first)).rejects.toBeInstanceOf(refusal)
  })
  expect(await everything()).toEqual({ ...before, name: 'in time' })
})

it('an expired lease that nobody took refuses writes as well: somebody may be taking it now', async () => {
  const resource = 'project:expired'
  await withLease(worker('first'), resource, never, async (lease) => {
    await expire(resource)
    await expect(rename(lease, 'late')).rejects.toBeInstanceOf(LeaseLostError)
  })
})

it('a lease is renewed while its holder works, however long that takes', async () => {
  const resource = 'project:renewed'
  const first = worker('first', 600)
  let turns = 0
  await withLease(first, resource, never, async (lease) => {
    turns += 1
    if (turns === 2) return
    const until = async () =>
      rows(first.em()).selectFrom('Lease').select('until').where('resource', '=', resource).executeTakeFirstOrThrow()
    const before = (await until()).until
    await vi.waitUntil(async () => (await until()).until.getTime() > before.getTime() + 1_200, { timeout: 10_000 })
    expect(await withLease(worker('second'), resource, never, async () => expect.unreachable())).toBe(false)
    await rename(lease, 'still there')
  })
  expect(await nameNow()).toBe('still there')
  // Once more for the other one, who wanted it.
  expect(turns).toBe(2)
})

it('a hint that comes at any moment of the holder is never lost: the work is looked at after it, 200 times', async () => {
  let hints = 0
  let seen = 0
  const look = async (round: number) => {
    // What the rows say at this moment; a hint that came before it is served by it.
    seen = hints
    if (round % 3 === 0) await server.context.services.em().getConnection().execute('select 1')
  }
  for (let round = 0; round < 200; round++) {
    const resource = `project:race-${round % 2}`
    const holder = withLease(worker('holder'), resource, never, () => look(round))
    const hinting = (async () => {
      for (let turn = 0; turn < round % 8; turn++) await Promise.resolve()
      if (round % 2) await server.context.services.em().getConnection().execute('select 1')
      hints += 1
      await withLease(worker('hinting'), resource, never, () => look(round))
    })()
    await Promise.all([holder, hinting])
    expect(seen, `round ${round}`).toBe(hints)
  }
})

it('a hint that began before the holder let go, and was held up, does not take the step for one that is held', async () => {
  const resource = 'project:stale-hint'
  const early = server.context.services.em()
  await early.begin()
  try {
    // From here on, this is what now() says in the hint's statements.
    await early.execute('select now()')
    await withLease(worker('first'), resource, never, async () => {})
    let looked = false
    await withLease({ ...worker('second'), em: () => early }, resource, never, async () => {
      looked = true
    })
    expect(looked).toBe(true)
  } finally {
    await early.rollback()
  }
})

it('a holder whose work fails lets go, so that the next one has it at once', async () => {
  const resource = 'project:failing'
  await expect(
    withLease(worker('first'), resource, never, async () => {
      throw new Error('broken')
    }),
  ).rejects.toThrow('broken')
  let worked = false
  await withLease(worker('second'), resource, never, async () => {
    worked = true
  })
  expect(worked).toBe(true)
})

/** Neither runs out nor is renewed while a test lasts. */
const unattended = { leaseMs: 600_000, renewMs: 300_000 }

it('a holder is told at once that its lease was revoked; the holder of another one is not disturbed', async () => {
  const [revoked, other] = ['project:revoked', 'project:not-revoked']
  const started = [Promise.withResolvers<void>(), Promise.withResolvers<void>()] as const
  const ended = Promise.withResolvers<void>()
  const holder = withLease({ ...worker('first'), ...unattended }, revoked, never, async (lease) => {
    started[0].resolve()
    const reason = await aborted(lease.signal)
    await expect(rename(lease, 'after the revocation')).rejects.toBeInstanceOf(LeaseLostError)
    throw reason
  })
  const bystander = withLease({ ...worker('second'), ...unattended }, other, never, async (lease) => {
    started[1].resolve()
    await ended.promise
    expect(lease.signal.aborted).toBe(false)
    await rename(lease, 'by the bystander')
  })
  await Promise.all(started.map(({ promise }) => promise))
  await transact(server.context.services, (tx) => revokeLeases(tx, [revoked]))
  await expect(holder).rejects.toBeInstanceOf(LeaseLostError)
  ended.resolve()
  await bystander
  expect(await nameNow()).toBe('by the bystander')
})

it('a step that nobody has taken yet is revoked as well: who begins it meanwhile waits for what is committed', async () => {
  const resource = 'project:never-taken'
  const order: string[] = []
  let holder: Promise<boolean> | undefined
  await transact(server.context.services, async (tx) => {
    await revokeLeases(tx, [resource, resource])
    holder ??= withLease(worker('first'), resource, never, async () => {
      order.push('begun')
    })
    const waiting = `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
    await vi.waitUntil(
      async () => order.length > 0 || (await server.context.services.em().getConnection().execute(waiting)).length > 0,
      { timeout: 20_000, interval: 10 },
    )
    order.push('committed')
  })
  expect(await holder).toBe(true)
  expect(order).toEqual(['committed', 'begun'])
})

it('a revocation that is not committed takes nothing from anybody', async () => {
  const resource = 'project:kept'
  await withLease({ ...worker('first'), ...unattended }, resource, never, async (lease) => {
    const refused = transact(server.context.services, async (tx) => {
      await revokeLeases(tx, [resource])
      throw new Error('refused')
    })
    await expect(refused).rejects.toThrow('refused')
    server.context.services.heldLeases.check()
    await rename(lease, 'kept')
    expect(lease.signal.aborted).toBe(false)
  })
  expect(await nameNow()).toBe('kept')
})

it('a holder whom nobody tells that its lease was revoked sees it when it renews', async () => {
  const resource = 'project:told-nothing'
  const started = Promise.withResolvers<void>()
  const deaf = { ...worker('first'), leaseMs: 600_000, renewMs: 50, heldLeases: createHeldLeases() }
  const holder = withLease(deaf, resource, never, async (lease) => {
    started.resolve()
    throw await aborted(lease.signal)
  })
  await started.promise
  await transact(server.context.services, (tx) => revokeLeases(tx, [resource]))
  await expect(holder).rejects.toBeInstanceOf(LeaseLostError)
})

it('a process that is told to stop begins nothing new, and what is under way goes on until its time is over', async () => {
  const stop = new AbortController()
  const heldLeases = createHeldLeases()
  const holder = withLease({ ...worker('first'), heldLeases }, 'project:stopping', stop.signal, async (lease) => {
    lease.mayBegin()
    stop.abort(new Error('stopping'))
    expect(() => lease.mayBegin()).toThrow('stopping')
    lease.mustBeHeld()
    expect(lease.signal.aborted).toBe(false)
    await rename(lease, 'the last step')
    heldLeases.end(new Error('time is over'))
    throw await aborted(lease.signal)
  })
  await expect(holder).rejects.toThrow('time is over')
  expect(await nameNow()).toBe('the last step')
  await expect(
    withLease(worker('first'), 'project:stopping', stop.signal, async () => expect.unreachable()),
  ).rejects.toThrow('stopping')
})

it('a holder that comes back from a pause knows it before any timer has told', async () => {
  const resource = 'project:long-pause'
  const holder = withLease({ ...worker('first'), leaseMs: 300, renewMs: 100 }, resource, never, async (lease) => {
    // As SIGSTOP does: nothing of this process runs meanwhile.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 400)
    expect(lease.signal.aborted).toBe(false)
    lease.mustBeHeld()
  })
  await expect(holder).rejects.toBeInstanceOf(LeaseLostError)
})

it('a holder on a machine that was suspended knows it too, though its own clock stood still', async () => {
  const holder = withLease(worker('first'), 'project:suspended', never, async (lease) => {
    const { now } = Date
    const later = vi.spyOn(Date, 'now').mockImplementation(() => now() + 60_000)
    try {
      lease.mustBeHeld()
    } finally {
      later.mockRestore()
    }
  })
  await expect(holder).rejects.toBeInstanceOf(LeaseLostError)
})

it('a holder that cannot reach the database past its lease stops, since another may have the step', async () => {
  const cut = worker('first', 400)
  let reachable = true
  const flaky: Services = {
    ...cut,
    em() {
      if (!reachable) throw new Error('no route to the database')
      return cut.em()
    },
  }
  const holder = withLease(flaky, 'project:unreachable', never, async (lease) => {
    reachable = false
    const reason = await aborted(lease.signal)
    reachable = true
    throw reason
  })
  await expect(holder).rejects.toBeInstanceOf(LeaseLostError)
})
