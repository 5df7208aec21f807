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
    allowModels: p.boolean(),
    files: p.json().$type<readonly TestFile[]>(),
  },
})
export type TestDefinitionRow = Row<typeof TestDefinition>

/** The definition of a test case as it is now: all of it but its name. */
export const definitionOf = ({
  command,
  timeoutMs,
  allowModels,
  files,
}: Omit<TestDefinitionRow, 'hash'>): TestDefinitionRow => ({
  // Of a test that may not, the hash says nothing of models: it is that of the time before there was a gateway.
  hash: canonicalHash({ command, timeoutMs, files, ...(allowModels && { allowModels }) }),
  command,
  timeoutMs,
  allowModels,
  files,
})
