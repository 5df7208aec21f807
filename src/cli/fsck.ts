import { type ExitCode, exitCodes, UsageError } from './exit.ts'
import type { Output } from './output.ts'
import { plural } from './render/amounts.ts'
import { visibleLine } from './render/visible-text.ts'

/** A project that was looked at, and what is wrong with it. */
export interface CheckedProject {
  readonly id: string
  readonly name: string
  readonly faults: readonly {
    readonly projectId: string
    readonly what: string
    readonly id: string | null
    readonly problem: string
    readonly remedy: string
  }[]
}

export interface FsckOptions {
  readonly output: Output
  readonly signal: AbortSignal
  /** A project's id, as a UUID or as the API gives it; undefined for all projects. */
  readonly project: string | undefined
  readonly check: (options: {
    readonly projectId: string | undefined
    readonly signal: AbortSignal
  }) => AsyncIterable<CheckedProject>
}

const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

const projectIdOf = (text: string): string => {
  const decoded = Buffer.from(text, 'base64').toString('latin1')
  const id = (decoded.startsWith('Project:') ? decoded.slice('Project:'.length) : text).toLowerCase()
  if (!uuid.test(id)) throw new UsageError(`${visibleLine(text)} is no project's id.`)
  return id
}

/**
 * Tells what is wrong with the stored projects, a line for each fault; fails when there is any.
 * @throws UsageError for an id that no project with a repository has
 */
export const fsck = async ({ output, signal, project, check }: FsckOptions): Promise<ExitCode> => {
  const projectId = project === undefined ? undefined : projectIdOf(project)
  const { style } = output
  let projects = 0
  let faults = 0
  for await (const checked of check({ projectId, signal })) {
    projects += 1
    faults += checked.faults.length
    for (const fault of checked.faults) {
      output.json({ type: 'fault', ...fault })
      const subject = fault.id === null ? fault.what : `${fault.what} ${fault.id}`
      output.print(visibleLine(`project ${checked.id}: ${subject}: ${fault.problem} ${fault.remedy}`))
    }
    if (checked.faults.length === 0 && !output.quiet) {
      output.print(`${style.good('sound')}  ${checked.id}  ${visibleLine(checked.name)}`)
    }
  }
  if (projectId !== undefined && projects === 0) {
    throw new UsageError(`There is no project ${projectId} that has a repository.`)
  }
  output.json({ type: 'fsck', projects, faults })
  if (!output.quiet) {
    const looked = `${plural(projects, 'project')} looked at`
    output.print(
      faults === 0 ? style.good(`${looked}, no faults.`) : style.bad(`${looked}, ${plural(faults, 'fault')} found.`),
    )
  }
  return faults === 0 ? exitCodes.ok : exitCodes.failed
}
