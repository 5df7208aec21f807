import { execFile } from 'node:child_process'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type pg from 'pg'
import type { Crew } from './crew.ts'
import type { Providers, Unit } from './providers.ts'
import { callKey } from './providers.ts'
import type { SeenEvent } from './subscriber.ts'

const run = promisify(execFile)

/** What was looked at, and what is wrong with it; sound when nothing is. */
export interface Check {
  readonly name: string
  readonly faults: readonly string[]
}

export interface Outcome {
  readonly unit: Unit
  /** What people are shown at the end, without names; or why there is no end. */
  readonly shown: string
}

/** Every unit has come to what those of its kind come to when nothing is disturbed. */
export const checkOutcomes = (outcomes: readonly Outcome[], expected: ReadonlyMap<string, string>): Check => ({
  name: 'every sprint and session has ended as it would have without faults',
  faults: outcomes.flatMap(({ unit, shown }) => {
    const wanted = expected.get(`${unit.type}, ${unit.kind}`)
    return shown === wanted ? [] : [`${unit.key} (${unit.type}, ${unit.kind}): ${shown}\n    expected: ${wanted}`]
  }),
})

const none = async (client: pg.Client, name: string, statement: string): Promise<Check> => {
  const { rows } = await client.query(statement)
  return { name, faults: rows.map((row) => JSON.stringify(row)) }
}

/** Statements that find nothing where all is well. */
const nothingFound: readonly (readonly [name: string, statement: string])[] = [
  [
    'no work is unfinished',
    `select id, status from sprint where status = 'ACTIVE'
    union all select id, status from session_turn where status in ('WAITING', 'RUNNING')
    union all select id, status from candidate where status in ('PENDING', 'RUNNING')
    union all select id, status from test_run where status in ('QUEUED', 'RUNNING')
    union all select id, status from diff where status = 'COMMITTING'`,
  ],
  [
    'nothing stays reserved',
    `select id, reserved_tokens, reserved_cost_usd from budget
    where reserved_tokens <> 0 or abs(reserved_cost_usd) > 1e-9`,
  ],
  ['no lease is held', 'select resource, owner from lease where until > now()'],
  ['no job waits to be published', 'select id, job from outbox where published_at is null'],
  [
    'each place in a conversation has one answer, and no call is still on its way',
    `
    select scope, sequence, array_agg(status) from model_call group by scope, sequence
    having count(*) filter (where status in ('ANSWERED', 'REPLAYED')) <> 1
      or count(*) filter (where status in ('SENT', 'FAILED')) > 0`,
  ],
  [
    'no tool was used twice in its place',
    `
    select scope, turn, position from tool_call group by scope, turn, position having count(*) > 1`,
  ],
  [
    'what was spent is what the calls cost',
    `
    select budget.id, budget.spent_tokens, sum(case model_call.status when 'LOST' then reserved_tokens_of_call
        else model_call.input_tokens + model_call.output_tokens end) as of_calls
    from budget join (select *, reserved_tokens as reserved_tokens_of_call from model_call) model_call
      on model_call.budget_ids ? budget.id::text
    group by budget.id, budget.spent_tokens
    having budget.spent_tokens <> sum(case model_call.status when 'LOST' then reserved_tokens_of_call
      else model_call.input_tokens + model_call.output_tokens end)`,
  ],
  [
    'a sprint has one diff, a phase one run of its kind, a run one decision',
    `
    select sprint_id as id, 'diff' as what from diff where sprint_id is not null group by sprint_id having count(*) <> 1
    union all select phase_id, 'run' from agent_run where phase_id is not null group by phase_id, purpose having count(*) > 1
    union all select run_id, 'decision' from decision group by run_id having count(*) > 1`,
  ],
  [
    'a turn says each thing once',
    `
    select turn_id, role, iteration, count(*) from message where turn_id is not null
    group by turn_id, role, iteration having count(*) > 1`,
  ],
  [
    'each change of a status was told once',
    `
    select body, count(*) from event
    where body ->> 'type' in ('SprintChanged', 'PhaseChanged', 'RunChanged', 'DiffChanged', 'InterviewChanged')
      and body ->> 'status' in ('COMPLETED', 'FAILED', 'SUCCEEDED', 'COMMITTED', 'HUMAN_REJECTED', 'SUPERSEDED', 'ANSWERED')
    group by body having count(*) > 1`,
  ],
]

export const checkRows = async (client: pg.Client): Promise<readonly Check[]> => {
  const checks: Check[] = []
  for (const [name, statement] of nothingFound) checks.push(await none(client, name, statement))
  return checks
}

interface CallRow {
  readonly id: string
  readonly key: string
  readonly agent: string
  readonly provider: string
  readonly status: string
}

const callRows = `
  select call.id, call.agent, call.provider, call.status,
    substring(coalesce(spec.task, session.title, own.task) from '[a-z]+-[0-9]+') as key
  from model_call call
    left join sprint on sprint.id = call.sprint_id
    left join spec on spec.id = sprint.spec_id
    left join session on session.id = call.session_id
    left join agent_run on agent_run.id = call.run_id
    left join spec own on own.id = agent_run.spec_id
  where call.status <> 'REPLAYED'`

export interface CallFigures {
  readonly made: number
  readonly recorded: number
  readonly lost: number
  /** Of them, those of a process that lived on, and had lost its lease or its database. */
  readonly lostByLiving: number
  /** Made although an earlier one for the same place had gone out: that one's answer was lost. */
  readonly madeAgain: number
}

/** Providers' calls against the rows: all are recorded, and only those are made again that were in flight at a fault. */
export const checkCalls = async (
  client: pg.Client,
  providers: Providers,
  crew: Crew,
): Promise<{ readonly checks: readonly Check[]; readonly figures: CallFigures }> => {
  const { rows } = await client.query<CallRow>(callRows)
  const atFault = new Set(crew.casualties.flatMap(({ openCalls }) => openCalls))
  const inFlight = new Set([...atFault, ...crew.refusedCalls, ...crew.abandonedCalls])
  const unrecorded: string[] = []
  const twice: string[] = []
  const notInFlight: string[] = []
  let made = 0
  let madeAgain = 0
  const groups = Map.groupBy(rows, ({ key, agent, provider }) => callKey(key, agent, provider))
  for (const [key, calls] of providers.calls) {
    made += calls
    const recorded = groups.get(key) ?? []
    const answered = recorded.filter(({ status }) => status === 'ANSWERED').length
    const excusable = recorded.filter(({ id, status }) => status === 'LOST' && inFlight.has(id)).length
    madeAgain += Math.max(0, calls - answered)
    if (calls > recorded.length) unrecorded.push(`${key}: ${calls} made, ${recorded.length} recorded`)
    if (calls < answered) unrecorded.push(`${key}: ${calls} made, ${answered} answered`)
    if (calls - answered > excusable) {
      twice.push(`${key}: ${calls} made, ${answered} answered, ${excusable} in flight at a fault`)
    }
  }
  for (const { id, key, agent, status } of rows) {
    if (status === 'LOST' && !inFlight.has(id) && !crew.unsentCalls.has(id)) notInFlight.push(`${key} ${agent} ${id}`)
  }
  const lost = rows.filter(({ status }) => status === 'LOST')
  return {
    checks: [
      { name: 'each call of a provider is recorded', faults: unrecorded },
      {
        name: 'no call was made twice but those in flight when their process was killed or lost its lease, each marked LOST',
        faults: twice,
      },
      {
        name: 'no call is marked LOST but those, and those that were not sent since nobody knew whether they were recorded',
        faults: notInFlight,
      },
    ],
    figures: {
      made,
      recorded: rows.length,
      lost: lost.length,
      lostByLiving: lost.filter(({ id }) => !atFault.has(id)).length,
      madeAgain,
    },
  }
}

/** What the subscriber saw against the table: every event, once, and in order. */
export const checkEvents = async (client: pg.Client, seen: readonly SeenEvent[]): Promise<Check> => {
  const { rows } = await client.query<{ cursor: string }>(
    `select xid::text || '-' || id::text as cursor from event order by xid, id`,
  )
  const first = Math.max(rows.length, seen.length)
  const at = [...Array(first).keys()].find((index) => rows[index]?.cursor !== seen[index]?.cursor)
  return {
    name: 'the subscriber got every event once and in order',
    faults:
      at === undefined
        ? []
        : [
            `event ${at} of ${rows.length}: got ${seen[at]?.cursor} (${seen.length} in all), expected ${rows[at]?.cursor}`,
          ],
  }
}

/** Branches against committed diffs: one commit each, in one line, and nothing else; and git's own check. */
export const checkRepositories = async (client: pg.Client, dataDir: string): Promise<readonly Check[]> => {
  const root = join(dataDir, 'repositories')
  const { rows: projects } = await client.query<{ id: string; branch: string; head: string }>(
    'select id, target_branch as branch, head_commit as head from project',
  )
  const { rows: diffs } = await client.query<{ project_id: string; commit_oid: string }>(
    `select project_id, commit_oid from diff where status = 'COMMITTED'`,
  )
  const names = await readdir(root)
  const history: string[] = []
  const damage: string[] = []
  for (const { id, branch, head } of projects) {
    const directory = names.find((name) => name.startsWith(id))
    if (!directory) {
      damage.push(`${id} has no repository`)
      continue
    }
    const git = async (...args: string[]) =>
      (await run('git', ['-c', 'safe.directory=*', '--git-dir', join(root, directory), ...args])).stdout.trim()
    const commits = (await git('rev-list', '--max-parents=1', '--min-parents=1', `refs/heads/${branch}`))
      .split('\n')
      .filter(Boolean)
    const expected = diffs.filter((diff) => diff.project_id === id).map((diff) => diff.commit_oid)
    if ([...commits].sort().join() !== [...expected].sort().join()) {
      history.push(`${id}: the branch has ${commits.length} commits, ${expected.length} diffs are committed`)
    }
    if ((await git('rev-parse', `refs/heads/${branch}`)) !== head)
      history.push(`${id}: the stored head is not the branch's`)
    const notes =
      commits.length === 0 ? [] : (await git('notes', '--ref=countersign', 'list')).split('\n').filter(Boolean)
    if (notes.length !== commits.length) history.push(`${id}: ${commits.length} commits, ${notes.length} notes`)
    try {
      await git('fsck', '--no-dangling')
    } catch (error) {
      damage.push(`${id}: ${(error as Error).message}`)
    }
  }
  return [
    { name: 'each committed diff is one commit of its branch with its evidence, and nothing else is', faults: history },
    { name: 'git fsck finds every repository sound', faults: damage },
  ]
}
