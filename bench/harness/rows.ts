import { createHash } from 'node:crypto'
import pg from 'pg'
import { globalId } from '../../src/domain/shared/global-id.ts'
import { eventsStatement, rowFunctions, rowStatements } from './row-statements.ts'

/** How much there is of what. */
export interface RowSizes {
  /** People with a token each, who may review everywhere. */
  readonly people: number
  readonly projects: number
  /** In each project: with three files, an evaluation, one or two test runs and up to two reviews. A tenth as many specs and sprints. */
  readonly diffs: number
  /** In the log, of all projects in turns. */
  readonly events: number
}

const eventsOfTransaction = 10_000

/** The id of a row that `makeRows` made: of `project-1`, `diff-1-1` (the first one of the first project), `spec-1-1`, `person-1`. */
export const rowId = (name: string): string =>
  createHash('md5')
    .update(name)
    .digest('hex')
    .replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12})$/, '$1-$2-4$3-8$4-$5')

/** The same as the API knows it. */
export const madeId = (type: string, name: string): string => globalId(type, rowId(name))

/** What a person signs in with. @param person from 1 */
export const tokenOfPerson = (person: number): string => `csk_person_${person}`

/** Adds events to the log, in transactions of ten thousand. @param from the number of the first one */
const addEvents = async (client: pg.Client, { projects, diffs, events }: RowSizes): Promise<void> => {
  for (let from = 1; from <= events; from += eventsOfTransaction) {
    const to = Math.min(events, from + eventsOfTransaction - 1)
    await client.query(eventsStatement, [from, to, projects, Math.max(1, diffs)])
  }
}

/**
 * Fills a database that is migrated and has no such rows yet with what a deployment has after a while, by statements
 * over whole sets, and leaves it as it is once autovacuum has been there. No repositories are made.
 */
export const makeRows = async (databaseUrl: string, sizes: RowSizes): Promise<void> => {
  const client = new pg.Client(databaseUrl)
  await client.connect()
  try {
    await client.query(rowFunctions)
    for (const { text, takes } of rowStatements) {
      await client.query(
        text,
        takes.map((name) => sizes[name]),
      )
    }
    await addEvents(client, sizes)
    await client.query('vacuum (analyze)')
  } finally {
    await client.end()
  }
}
