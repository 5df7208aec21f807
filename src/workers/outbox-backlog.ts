import type { JobsInQueue } from '../domain/ports/queues.ts'
import { runStatement } from '../domain/shared/run-statement.ts'
import type { Services } from '../domain/shared/services.ts'
import type { Waiting } from '../domain/shared/take-turns.ts'

/** An outbox row that is not published. */
export interface BacklogEntry extends Waiting {
  readonly job: string
}

/** The project of a row; what stands for that of jobs that have none takes turns with the projects. */
const project = `coalesce(project_id, '00000000-0000-0000-0000-000000000000')`

/** The id that an outbox row's job has in its queue. */
export const jobId = (id: string): string => `outbox-${id}`

/** The id of the outbox row that a job comes from; undefined for a job that comes from none. */
export const entryId = (id: string): string | undefined => /^outbox-(\d+)$/.exec(id)?.[1]

// Planned each time: a plan that was made while the table was small would read all of it once it is large.
const backlogStatement = `
  with recursive line as (
    (select job, ${project} as project from outbox where published_at is null order by 1, 2 limit 1)
    union all
    select next.job, next.project from line cross join lateral (
      select job, ${project} as project from outbox
      where published_at is null and (job, ${project}) > (line.job, line.project) order by 1, 2 limit 1
    ) as next
  )
  select entry.id::text, line.job, line.project::text from line cross join lateral (
    select id from outbox
    where published_at is null and outbox.job = line.job and ${project} = line.project and id <> all ($3::bigint[])
    order by id limit $2::int
  ) as entry
  where line.job = any ($1::text[])`

/**
 * The oldest unpublished rows of each job and project. However long the backlog is, it costs what it answers: the index
 * is read from one project to the next.
 * @param declared the jobs that this process knows; a newer one's are left to who does
 * @param each how many rows of each job and project
 * @param except rows that somebody is publishing
 */
export const readBacklog = (
  em: Services['em'],
  declared: readonly string[],
  each: number,
  except: readonly string[],
): Promise<readonly BacklogEntry[]> => runStatement(em(), backlogStatement, [declared, each, except])

const underWayStatement = `select ${project}::text as project, count(*)::int as count
  from outbox where id = any ($1::bigint[]) group by 1`

/** How many jobs of each project wait in a queue or are being done. */
export const countUnderWay = async (
  em: Services['em'],
  { waiting, running }: JobsInQueue,
): Promise<ReadonlyMap<string, number>> => {
  const ids = [...waiting, ...running].flatMap((id) => entryId(id) ?? [])
  const found = await runStatement<{ project: string; count: number }>(em(), underWayStatement, [ids])
  return new Map(found.map(({ project, count }) => [project, count]))
}
