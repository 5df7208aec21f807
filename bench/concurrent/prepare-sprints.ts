import { setTimeout as delay } from 'node:timers/promises'
import pLimit from 'p-limit'
import { answerInterview, createProject, createSpec, createSprint, readProject } from '../../src/cli/demo/operations.ts'
import type { GraphQLClient } from '../../src/cli/graphql-client.ts'
import { helloWork } from '../sprint/demo-sprint.ts'

const atOnce = 8

const prepareOne = async (client: GraphQLClient, name: string): Promise<string> => {
  const { title, task } = helloWork.task
  const { id: projectId } = await client.mutate(createProject, { input: { name, source: helloWork.source } })
  for (;;) {
    const { node } = await client.query(readProject, { id: projectId })
    if (node?.status === 'READY') break
    if (node?.status !== 'CREATING') throw new Error(`The project could not be made: ${node?.failure}`)
    await delay(50)
  }
  // Asks two questions that no model thought of.
  const { id: specId } = await client.mutate(createSpec, { input: { projectId, title, task, mode: 'STUB' } })
  const answers = ['goal', 'limits'].map((key) => ({ key, answer: 'As you see fit.' }))
  await client.mutate(answerInterview, { specId, answers })
  const { id } = await client.mutate(createSprint, { input: { specId, name: title, deadlineSeconds: 900 } })
  return id
}

/** Sprints that only have to be started, each in a project of its own. @returns their ids */
export const prepareSprints = (client: GraphQLClient, names: readonly string[]): Promise<string[]> =>
  pLimit(atOnce).map(names, (name) => prepareOne(client, name))
