import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { fastParent, removeLeftovers, temporaryDirectory } from './temporary-directory.ts'
import './provided.ts'

const prefix = 'countersign-test-files-'

/**
 * One directory for what a run's servers store and for a cache of compiled modules, in memory where that may be. Whole
 * servers, command lines and analysers are started by the hundred, and most of what a start takes is compiling.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const parent = await fastParent()
  await removeLeftovers(parent, prefix)
  const files = await temporaryDirectory(parent, `${prefix}${process.pid}-`)
  project.provide('files', files.path)
  // One that the caller has named is kept.
  process.env.NODE_COMPILE_CACHE ||= join(files.path, 'compiled')
  return async () => await files[Symbol.asyncDispose]()
}
