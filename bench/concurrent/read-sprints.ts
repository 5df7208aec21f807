import pg from 'pg'
import type { Stage, Task } from './ideal-schedule.ts'

/** How long each thing takes that no schedule can do without; in milliseconds. */
export interface Durations {
  readonly modelCall: number
  readonly test: number
}

interface PhaseWork {
  readonly kind: 'DISCOVERY' | 'CODING' | 'VERIFICATION'
  /** Calls and tests of each candidate, made one after the other. */
  readonly candidates: readonly { readonly calls: number; readonly tests: number }[]
  /** Of the judge or the verifier, who are asked one thing after the other. */
  readonly calls: number
  /** That run side by side. */
  readonly tests: number
}

const inSequence = (place: Task['place'], ms: number): Stage => (ms === 0 ? [] : [{ place, ms }])

const stagesOf = ({ kind, candidates, calls, tests }: PhaseWork, durations: Durations): readonly Stage[] => {
  const testing = Array.from({ length: tests }, (): Task => ({ place: 'tests', ms: durations.test }))
  const asking = inSequence('phases', calls * durations.modelCall)
  if (kind === 'VERIFICATION') return [testing, asking]
  const working = candidates.map(
    (candidate): Task => ({
      place: 'candidates',
      ms: candidate.calls * durations.modelCall + candidate.tests * durations.test,
    }),
  )
  return [working, testing, asking]
}

/** Calls that were played back were not made, and results that were known before were not found out. */
const workOfPhases = `
  select sprint_id as sprint, kind,
    coalesce((
      select json_agg(json_build_object(
        'calls', (select count(*)::int from model_call where candidate_id = candidate.id and replayed_from_id is null),
        'tests', (select count(*)::int from tool_call where candidate_id = candidate.id and name = 'run_tests')
      ))
      from candidate join agent_run on agent_run.id = candidate.run_id
      where agent_run.phase_id = phase.id and agent_run.purpose <> 'VERIFICATION'
    ), '[]') as candidates,
    (
      select count(*)::int from model_call join agent_run on agent_run.id = model_call.run_id
      where agent_run.phase_id = phase.id and model_call.agent in ('judge', 'verifier')
        and model_call.replayed_from_id is null
    ) as calls,
    (
      select count(*)::int from test_result join test_run on test_run.id = test_result.test_run_id
      where test_run.phase_id = phase.id and test_result.cached_from_id is null
    ) as tests
  from phase where sprint_id = any ($1) order by sprint_id, created_at, kind <> 'DISCOVERY', kind <> 'CODING'`

/** What is known of sprints that have ended. */
export interface EndedSprints {
  /** From the start of the first one to the end of the last one, in milliseconds. */
  readonly ms: number
  /** What each of them consisted of. */
  readonly stages: readonly (readonly Stage[])[]
  readonly modelCalls: number
  readonly tests: number
  /** How many came to the same change as the first one. */
  readonly alike: number
}

const rowId = (globalId: string): string => Buffer.from(globalId, 'base64').toString().split(':')[1] ?? ''

export interface SprintReader extends AsyncDisposable {
  /** How many have not ended, the tests of their diffs included. @throws Error when one came to another end than it should */
  left(ids: readonly string[]): Promise<number>
  read(ids: readonly string[], durations: Durations): Promise<EndedSprints>
}

/** Reads what came of sprints from the database: to ask the API would be a part of its load. */
export const openSprintReader = async (databaseUrl: string): Promise<SprintReader> => {
  const client = new pg.Client(databaseUrl)
  await client.connect()
  return {
    async left(ids) {
      const { rows } = await client.query<{ left: number; failure: string | null }>(
        `select (count(*) filter (where status not in ('COMPLETED', 'FAILED', 'CANCELED')
            or exists (select 1 from test_run join diff on diff.id = test_run.diff_id
              where diff.sprint_id = sprint.id and test_run.status in ('QUEUED', 'RUNNING'))))::int as left,
          max(status || ': ' || coalesce(failure, 'no reason was given'))
            filter (where status in ('FAILED', 'CANCELED')) as failure
         from sprint where id = any ($1)`,
        [ids.map(rowId)],
      )
      const failure = rows[0]?.failure
      if (failure) throw new Error(`A sprint did not come to its end: ${failure}`)
      return rows[0]?.left ?? 0
    },
    async read(ids, durations) {
      const given = [ids.map(rowId)]
      const { rows: times } = await client.query<{ ms: number }>(
        `select extract(epoch from max(finished_at) - min(started_at))::float8 * 1000 as ms
         from sprint where id = any ($1)`,
        given,
      )
      const { rows: diffs } = await client.query<{ alike: number }>(
        `select count(*)::int as alike from diff where sprint_id = any ($1)
         group by content_hash, status order by alike desc limit 1`,
        given,
      )
      const { rows: phases } = await client.query<PhaseWork & { sprint: string }>(workOfPhases, given)
      const bySprint = Map.groupBy(phases, ({ sprint }) => sprint)
      const sum = (each: (phase: PhaseWork) => number) => phases.reduce((all, phase) => all + each(phase), 0)
      return {
        ms: times[0]?.ms ?? Number.NaN,
        stages: [...bySprint.values()].map((of) => of.flatMap((phase) => stagesOf(phase, durations))),
        modelCalls: sum(({ candidates, calls }) => candidates.reduce((all, each) => all + each.calls, calls)),
        alike: diffs[0]?.alike ?? 0,
        tests: sum(({ candidates, tests }) => candidates.reduce((all, each) => all + each.tests, tests)),
      }
    },
    [Symbol.asyncDispose]: () => client.end(),
  }
}
