import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { createSandbox } from '../../src/adapters/sandbox/select.ts'
import './provided.ts'

/**
 * Which sandbox the servers of a test run use: bubblewrap, or where it cannot be had none at all, so that everything
 * but the isolation itself is tested there too. Tests of isolation are told why and skip by name.
 */
export default async function setup(project: TestProject): Promise<void> {
  const sandbox = await createSandbox({
    driver: 'auto',
    searchPath: process.env.PATH ?? '',
    scratch: join(tmpdir(), `countersign-test-scratch-${process.pid}`),
  })
  const found = await sandbox.availability()
  if (!found.available) process.stderr.write(`Tests of the sandbox's isolation are skipped: ${found.reason}\n`)
  project.provide('sandbox', found.available ? { driver: 'auto' } : { driver: 'none', reason: found.reason })
}
