import type { PhaseKind } from './phase.status.ts'

/** How long a phase may take, in seconds, whatever the sprint's deadline is: a plan is short, and so is a verdict. */
export const phaseSeconds: Readonly<Record<PhaseKind, number>> = {
  DISCOVERY: 900,
  CODING: 1_800,
  VERIFICATION: 900,
}

/** When a phase that begins now has to have ended. */
export const phaseDeadline = (kind: PhaseKind, now: Date): Date => new Date(now.getTime() + phaseSeconds[kind] * 1_000)

/** What is said of one that did not. */
export const phaseOverdue = (kind: PhaseKind): string =>
  `${kind} did not end within its limit of ${phaseSeconds[kind]} seconds.`
