import { madeId } from '../harness/rows.ts'

const document = `subscription Follow($project: ID!) {
  projectEvents(projectId: $project) {
    __typename cursor at projectId
    ... on CheckpointReached { label sequence }
  }
}`

/** What a client says once it is let in. @param project from 1 */
export const subscribing = (project: number): string => {
  const payload = { query: document, variables: { project: madeId('Project', `project-${project}`) } }
  return JSON.stringify({ id: '1', type: 'subscribe', payload })
}

/** An event as a client sees it. */
export interface ShownEvent {
  readonly cursor: string
  readonly at: string
  readonly project: number
  readonly sequence: number
}

/** The message that the product sends of it, to the letter. */
export const messageOf = ({ cursor, at, project, sequence }: ShownEvent): string => {
  const projectId = madeId('Project', `project-${project}`)
  const event = { __typename: 'CheckpointReached', cursor, at, projectId, label: 'bench', sequence }
  return JSON.stringify({ id: '1', type: 'next', payload: { data: { projectEvents: event } } })
}

/** The number of the event that a message is about; undefined in one that is about none. */
export const sequenceOf = (message: string): number | undefined => {
  const digits = /"sequence":(\d+)/.exec(message)?.[1]
  return digits === undefined ? undefined : Number(digits)
}

/** A message without what differs from event to event by its nature: when it was, and where in the log it is. */
export const withoutPlace = (message: string): string =>
  message.replace(/"cursor":"\d+-\d+","at":"[^"]+"/, '"cursor":"","at":""').replace(/"sequence":\d+/, '"sequence":0')

/** Milliseconds on the clock that all processes of a machine share. */
export const sharedNow = (): number => Number(process.hrtime.bigint()) / 1e6
