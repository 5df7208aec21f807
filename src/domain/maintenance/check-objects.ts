import { rows } from '../shared/database.ts'
import type { Services } from '../shared/services.ts'
import { type FaultWords, restore } from './fault.ts'
import { rowPages } from './row-pages.ts'

const pageSize = 1_000

/** An object that a row speaks of. */
export interface SpokenObject {
  readonly what: string
  readonly id: string
  /** What the object is to the row, for example `base tree`. */
  readonly role: string
  readonly kind: 'tree' | 'commit'
  readonly oid: string
}

type Stores = Pick<Services, 'em' | 'git'>

/** Those of the objects that the repository does not have, or has as something else. */
export const missingObjects = async (
  { git }: Stores,
  projectId: string,
  objects: readonly SpokenObject[],
): Promise<readonly FaultWords[]> => {
  const kinds = await Promise.all(objects.map(({ oid }) => git.objectKind(projectId, oid)))
  return objects.flatMap(({ what, id, role, kind, oid }, index) => {
    const found = kinds[index]
    if (found === kind) return []
    const problem = found
      ? `Its ${role} ${oid} is a ${found}, not a ${kind}.`
      : `Its ${role} ${oid} is not in the repository, or cannot be read.`
    return [{ what, id, problem, remedy: restore }]
  })
}

/** What is missing inside of those trees among the objects that are there. */
export const incompleteTrees = async (
  { git }: Stores,
  projectId: string,
  objects: readonly SpokenObject[],
): Promise<readonly FaultWords[]> => {
  const trees = [...new Set(objects.filter(({ kind }) => kind === 'tree').map(({ oid }) => oid))]
  const kinds = await Promise.all(trees.map((tree) => git.objectKind(projectId, tree)))
  const there = trees.filter((_, index) => kinds[index] === 'tree')
  return (await git.missingBelow(projectId, there)).map((oid) => ({
    what: 'repository',
    id: null,
    problem: `The object ${oid} is missing in a tree that a run, sprint or test run speaks of.`,
    remedy: restore,
  }))
}

const spoken = (what: string, id: string, kind: SpokenObject['kind'], roles: Readonly<Record<string, string | null>>) =>
  Object.entries(roles).flatMap(([role, oid]) => (oid === null ? [] : [{ what, id, role, kind, oid }]))

/** The trees of runs, candidates, checkpoints, sprints and test runs, page by page. */
export async function* spokenObjects({ em }: Stores, projectId: string): AsyncGenerator<readonly SpokenObject[]> {
  const ofProject = (table: 'AgentRun' | 'Sprint' | 'TestRun') =>
    rows(em()).selectFrom(table).where(`${table}.projectId`, '=', projectId).limit(pageSize)
  for await (const page of rowPages((after) =>
    ofProject('AgentRun').select(['id', 'startTree']).where('id', '>', after).orderBy('id').execute(),
  )) {
    yield page.flatMap(({ id, startTree }) => spoken('run', id, 'tree', { 'start tree': startTree }))
  }
  for (const table of ['Candidate', 'Checkpoint'] as const) {
    for await (const page of rowPages((after) =>
      rows(em())
        .selectFrom(table)
        .innerJoin('AgentRun', 'AgentRun.id', `${table}.runId`)
        .select([`${table}.id as id`, `${table}.tree as tree`])
        .where('AgentRun.projectId', '=', projectId)
        .where(`${table}.id`, '>', after)
        .orderBy(`${table}.id`)
        .limit(pageSize)
        .execute(),
    )) {
      yield page.flatMap(({ id, tree }) => spoken(table.toLowerCase(), id, 'tree', { tree }))
    }
  }
  for await (const page of rowPages((after) =>
    ofProject('Sprint').select(['id', 'baseCommit', 'workingTree']).where('id', '>', after).orderBy('id').execute(),
  )) {
    yield page.flatMap(({ id, baseCommit, workingTree }) => [
      ...spoken('sprint', id, 'commit', { 'base commit': baseCommit }),
      ...spoken('sprint', id, 'tree', { 'working tree': workingTree }),
    ])
  }
  for await (const page of rowPages((after) =>
    ofProject('TestRun').select(['id', 'tree', 'baseTree']).where('id', '>', after).orderBy('id').execute(),
  )) {
    yield page.flatMap(({ id, tree, baseTree }) => spoken('test run', id, 'tree', { tree, 'base tree': baseTree }))
  }
}
