import { readFile } from 'node:fs/promises'
import { buildSchema, parse, validate } from 'graphql'
import { expect, test } from 'vitest'
import * as operations from '../../src/cli/demo/operations.ts'
import { projectEvents } from '../../src/cli/demo/project-events.ts'
import { renderHowToApprove } from '../../src/cli/demo/render-approval.ts'
import * as sessionOperations from '../../src/cli/demo/session-operations.ts'
import { readSelfApproval } from '../../src/cli/doctor/self-approval.ts'
import { plainStyle } from '../../src/cli/render/style.ts'
import * as reviewOperations from '../../src/cli/review/operations.ts'
import { readPending, readShownDiff, readTestOutput } from '../../src/cli/review/shown-diff.ts'
import { projectNames } from '../../src/cli/sample-project.ts'
import { defaultOperationLimits } from '../../src/http/limits.ts'
import { measureOperation } from '../../src/http/operation-size.ts'

const schema = buildSchema(await readFile(new URL('../../schema.graphql', import.meta.url), 'utf8'))
const reviewReads = { readPending, readShownDiff, readTestOutput, readSelfApproval }
const documents = [
  ...[operations, sessionOperations, { projectEvents, projectNames }].flatMap((all) => Object.entries(all)),
  ...[reviewOperations, reviewReads].flatMap((all) => Object.entries(all)),
].map(([name, { document }]) => ({ name, document }))

test.each(documents)('what $name sends is valid in the schema', ({ document }) => {
  expect(validate(schema, parse(document))).toEqual([])
})

test.each(documents)('what $name sends is far below the limits on operations', ({ document }) => {
  const { maxDepth, maxAliases, maxCost, maxTokens } = defaultOperationLimits
  const parsed = parse(document, { maxTokens: maxTokens / 4 })
  const { depth, aliases, cost } = measureOperation(schema, parsed, { variables: { first: 200 } })
  expect(depth).toBeLessThan(maxDepth - 5)
  expect(aliases).toBeLessThan(maxAliases / 4)
  expect(cost).toBeLessThan(maxCost / 4)
})

test('the mutation that is shown for approving by hand is valid in the schema', () => {
  const pending = { diffId: 'RGlmZjox', contentHash: 'a'.repeat(64), evaluationHash: 'b'.repeat(64) }
  const text = renderHowToApprove(pending, plainStyle, 80)
  const document = text.slice(text.indexOf('mutation {'))
  expect(validate(schema, parse(document))).toEqual([])
  for (const value of Object.values(pending)) expect(document).toContain(`"${value}"`)
})

test('what the server sends is not able to leave its quotes in that mutation', () => {
  const text = renderHowToApprove(
    { diffId: 'x") { id } evil(a: "', contentHash: '', evaluationHash: '' },
    plainStyle,
    80,
  )
  expect(text).toContain('openReview(diffId: "x\\") { id } evil(a: \\"")')
})
