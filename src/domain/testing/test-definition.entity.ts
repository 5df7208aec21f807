import { defineEntity, p } from '@mikro-orm/core'
import { canonicalHash } from '../shared/canonical-hash.ts'
import type { Row } from '../shared/row.ts'
import type { TestFile } from './test-case.entity.ts'

/** What a test case was when it was asked for. Kept once per content, and never changed. */
export const TestDefinition = defineEntity({
  name: 'TestDefinition',
  properties: {
    hash: p.text().primary(),
    command: p.json().$type<readonly string[]>(),
    timeoutMs: p.integer(),
    files: p.json().$type<readonly TestFile[]>(),
  },
})
export type TestDefinitionRow = Row<typeof TestDefinition>

/** The definition of a test case as it is now: its command, its limit of time and its files. A name is no part of it. */
export const definitionOf = ({ command, timeoutMs, files }: Omit<TestDefinitionRow, 'hash'>): TestDefinitionRow => ({
  hash: canonicalHash({ command, timeoutMs, files }),
  command,
  timeoutMs,
  files,
})
