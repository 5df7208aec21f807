import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import type { Armed, FaultAction, ProcessOptions, Report } from './process-messages.ts'

/** A place in the crew: when its process dies another one takes it. */
export interface Slot {
  readonly name: string
  readonly options: ProcessOptions
}

/** What was under way in a process when it died or was stopped. */
export interface Casualty {
  readonly processName: string
  readonly at: number
  readonly action: FaultAction
  /** At which point; null for a moment chosen by chance. */
  readonly point: string | null
  /** Recorded calls that had no stored outcome. */
  readonly openCalls: readonly string[]
  readonly openJobs: readonly { readonly name: string; readonly payload: Readonly<Record<string, string>> }[]
}

/** How often a point was broken off at, by what was done there or, `beside`, by a kill of its process elsewhere. */
export type Hits = Record<FaultAction | 'beside', number>

/** What happens to a process next, and when. */
export interface Plan {
  /** So many points it passes first: what it gets done meanwhile is the same on a slow machine. */
  readonly afterPasses: number
  readonly action: FaultAction
  /** The points to wait for, of those there are then; null for that very moment. */
  readonly choose: (() => readonly string[]) | null
  /** When none of them has come by then, others are chosen. */
  readonly patienceMs: number
}

export interface Crew extends AsyncDisposable {
  /** Where the API is now; settles when there is one. */
  api(): Promise<{ readonly url: string; readonly token: string }>
  /** How often each point was passed. */
  readonly passes: ReadonlyMap<string, number>
  readonly hits: ReadonlyMap<string, Hits>
  readonly casualties: readonly Casualty[]
  /** Calls whose answer could not be stored although their process lived on: it had lost its lease, or the database. */
  readonly refusedCalls: ReadonlySet<string>
  /** Calls that their process left open although it lived on: it had lost its lease before it could send them. */
  readonly abandonedCalls: ReadonlySet<string>
  /** Calls that were never sent, since their process could not know whether they were recorded. */
  readonly unsentCalls: ReadonlySet<string>
  /** The points that a process in this place has passed. */
  pointsOf(slot: Slot): ReadonlySet<string>
  /** Settles when each place has had a process that could work. */
  readonly isComplete: Promise<void>
  /** From now on what `plan` says happens to each process, or nothing more. */
  disturb(plan: ((slot: Slot) => Plan | undefined) | null): void
  /** How long each process took from its start until it could work, in milliseconds. */
  readonly startTimes: readonly number[]
}

interface Member {
  readonly slot: Slot
  readonly child: ChildProcess
  processName: string
  api: { readonly url: string; readonly token: string } | undefined
  readonly openCalls: Set<string>
  readonly openJobs: Map<string, Casualty['openJobs'][number]>
  isPaused: boolean
  /** When it was killed at a moment chosen by chance; null before. */
  killedAt: number | null
  passed: number
  /** What happens next, and from how many passes on. */
  due: { readonly plan: Plan; readonly from: number } | undefined
  /** What it is armed for, until it happens. */
  armed: Plan | undefined
}

/**
 * Keeps one process for each slot: one that ended is replaced at once.
 * @param options.pauseMs how long a process that stopped itself stays so
 * @param options.onCasualty is told of each that was killed, when its last words have been heard, or paused
 */
export const startCrew = async (
  slots: readonly Slot[],
  options: {
    /** What each process runs. */
    readonly script: string
    readonly pauseMs: number
    readonly onCasualty: (casualty: Casualty) => void
    readonly cacheDir: string
  },
): Promise<Crew> => {
  const passes = new Map<string, number>()
  const hits = new Map<string, Hits>()
  const casualties: Casualty[] = []
  const refusedCalls = new Set<string>()
  const abandonedCalls = new Set<string>()
  const unsentCalls = new Set<string>()
  const members = new Map<string, Member>()
  const waiting = new Set<() => void>()
  const points = new Map<string, Set<string>>()
  const complete = Promise.withResolvers<void>()
  const ready = new Set<string>()
  let planOf: ((slot: Slot) => Plan | undefined) | null = null
  let isClosing = false
  const startTimes: number[] = []

  const pointsOf = ({ name }: Slot): Set<string> => {
    const known = points.get(name) ?? new Set()
    points.set(name, known)
    return known
  }

  const count = (point: string, action: keyof Hits) => {
    const known = hits.get(point) ?? { kill: 0, pause: 0, cut: 0, beside: 0 }
    known[action] += 1
    hits.set(point, known)
  }

  const casualty = (member: Member, action: FaultAction, point: string | null, at = Date.now()) => {
    const found: Casualty = {
      processName: member.processName,
      at,
      action,
      point,
      openCalls: [...member.openCalls],
      openJobs: [...member.openJobs.values()],
    }
    casualties.push(found)
    options.onCasualty(found)
  }

  /** A process that has not settled its call before another one does is no longer the one whose call it is. */
  const abandonIn = (settler: Member, id: string) => {
    for (const member of members.values()) {
      if (member !== settler && member.openCalls.delete(id)) abandonedCalls.add(id)
    }
    if (settler.openCalls.delete(id)) abandonedCalls.add(id)
  }

  const hear = (member: Member, report: Report) => {
    if (report.kind === 'passed') {
      for (const [point, times] of Object.entries(report.counts)) {
        pointsOf(member.slot).add(point)
        passes.set(point, (passes.get(point) ?? 0) + times)
        member.passed += times
      }
      const { due } = member
      if (due && member.passed >= due.from && !member.isPaused) {
        member.due = undefined
        member.armed = due.plan
        strike(member, due.plan)
      }
    } else if (report.kind === 'hit') {
      const { point, action, beside } = report
      member.armed = undefined
      count(point, action)
      if (action === 'kill') for (const other of beside) count(other, 'beside')
      passes.set(point, (passes.get(point) ?? 0) + 1)
      casualty(member, action, point)
      if (action === 'pause') {
        member.isPaused = true
        delay(options.pauseMs, undefined, { ref: false }).then(() => {
          member.isPaused = false
          member.child.kill('SIGCONT')
          schedule(member)
        })
      }
      if (action === 'cut') schedule(member)
    } else if (report.kind === 'calls') {
      for (const { id, status } of report.states) {
        // Another process settles what this one, or one that was killed, left open.
        if (status === 'LOST' && report.outcome === 'stored') abandonIn(member, id)
        if (status === 'SENT') {
          if (report.outcome === 'refused') {
            if (member.openCalls.delete(id)) unsentCalls.add(id)
          } else member.openCalls.add(id)
        } else if (report.outcome === 'stored') member.openCalls.delete(id)
        else if (report.outcome === 'refused' && member.openCalls.delete(id)) refusedCalls.add(id)
      }
    } else if (report.kind === 'job') {
      const key = JSON.stringify([report.name, report.payload])
      if (report.state === 'taken') member.openJobs.set(key, { name: report.name, payload: report.payload })
      else member.openJobs.delete(key)
    }
  }

  const schedule = (member: Member) => {
    const plan = planOf?.(member.slot)
    if (plan && !isClosing) member.due = { plan, from: member.passed + plan.afterPasses }
  }

  const strike = (member: Member, plan: Plan) => {
    const isCurrent = !isClosing && planOf !== null && members.get(member.slot.name) === member
    if (!isCurrent || member.armed !== plan) return
    if (plan.choose === null) {
      member.killedAt = Date.now()
      member.child.kill('SIGKILL')
      return
    }
    const armed: Armed = { points: plan.choose(), action: plan.action }
    if (member.child.connected) member.child.send(armed)
    setTimeout(() => strike(member, plan), plan.patienceMs).unref()
  }

  const startMember = async (slot: Slot): Promise<void> => {
    const startedAt = performance.now()
    const child = spawn(process.execPath, [options.script, JSON.stringify(slot.options)], {
      env: { PATH: process.env.PATH, NODE_COMPILE_CACHE: options.cacheDir },
      stdio: ['ignore', 'inherit', 'inherit', 'pipe', 'ipc'],
    })
    const member: Member = {
      slot,
      child,
      processName: '',
      api: undefined,
      openCalls: new Set(),
      openJobs: new Map(),
      isPaused: false,
      killedAt: null,
      passed: 0,
      due: undefined,
      armed: undefined,
    }
    members.set(slot.name, member)
    child.once('exit', () => {
      if (members.get(slot.name) === member) members.delete(slot.name)
    })
    const lines = createInterface({ input: child.stdio[3] as Readable })
    const closed = once(lines, 'close')
    lines.on('line', (line) => {
      const report = JSON.parse(line) as Report
      if (report.kind === 'ready') {
        member.processName = report.name
        startTimes.push(performance.now() - startedAt)
        ready.add(slot.name)
        if (ready.size === slots.length) complete.resolve()
        if (slot.options.api) member.api = { url: report.url, token: report.token }
        for (const wake of waiting) wake()
        schedule(member)
      } else if (report.kind === 'failed') process.stderr.write(`${slot.name} did not start: ${report.error}\n`)
      else hear(member, report)
    })
    child.once('exit', async () => {
      // Its last words first: they say where it died, and what it had begun that was not heard of yet.
      await closed
      if (member.killedAt !== null) casualty(member, 'kill', null, member.killedAt)
      if (!isClosing) startMember(slot)
    })
  }

  await Promise.all(slots.map(startMember))
  return {
    passes,
    hits,
    casualties,
    refusedCalls,
    abandonedCalls,
    unsentCalls,
    pointsOf,
    isComplete: complete.promise,
    startTimes,
    async api() {
      for (;;) {
        const found = [...members.values()].find(({ api, isPaused }) => api && !isPaused)
        if (found?.api) return found.api
        const { promise, resolve } = Promise.withResolvers<void>()
        waiting.add(resolve)
        await Promise.race([promise, delay(200)])
        waiting.delete(resolve)
      }
    },
    disturb(plan) {
      planOf = plan
      for (const member of members.values()) {
        if (plan === null && member.child.connected) member.child.send({ points: [], action: 'kill' } satisfies Armed)
        if (plan !== null && member.processName !== '') schedule(member)
      }
    },
    async [Symbol.asyncDispose]() {
      isClosing = true
      await Promise.all(
        [...members.values()].map(async ({ child }) => {
          const exited = once(child, 'exit')
          child.kill('SIGCONT')
          child.kill('SIGTERM')
          const tooLong = setTimeout(() => child.kill('SIGKILL'), 40_000)
          await exited
          clearTimeout(tooLong)
        }),
      )
    },
  }
}
