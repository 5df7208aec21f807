import { type DemoContext, expectNode, isEvent } from './demo-context.ts'
import { type Diff, readDiff } from './operations.ts'
import type { Watch } from './watch.ts'

const diffTestsMs = 120_000

const isUnderWay = (status: string | undefined): boolean => status === 'QUEUED' || status === 'RUNNING'

/** The diff once its tests have ended. */
export const testedDiff = async ({ client }: DemoContext, watch: Watch, diffId: string): Promise<Diff> => {
  const read = async () => expectNode(await client.query(readDiff, { id: diffId }), 'The diff')
  const diff = await read()
  const run = diff.latestTestRun
  if (run === null || !isUnderWay(run.status)) return diff
  await watch.until(
    "The end of the diff's tests",
    diffTestsMs,
    isEvent('tests', (event) => event.testRunId === run.id && !isUnderWay(event.status)),
  )
  return read()
}
