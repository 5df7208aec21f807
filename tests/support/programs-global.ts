import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { bundleElsewhere } from '../../scripts/bundle.ts'
import './provided.ts'

/** Those that load a whole server, or much of one. */
const scripts = ['tests/support/server-process-main', 'tests/support/taking-worker-process']

/**
 * What tests start as processes is written once for a run, as a release has it: half of what such a start takes is finding,
 * reading and compiling modules otherwise.
 */
export default async function setup(project: TestProject): Promise<void> {
  const directory = join(project.getProvidedContext().files, 'programs')
  project.provide('programs', directory)
  const write = async () => {
    await rm(directory, { recursive: true, force: true })
    await bundleElsewhere(directory, scripts)
  }
  await write()
  project.onTestsRerun(write)
}
