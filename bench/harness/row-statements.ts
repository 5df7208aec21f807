import { defaultPolicy, policyHash } from '../../src/domain/project/approval-policy.ts'

/** What the statements call: ids that follow from a name, and git's and SHA-256's hexadecimals. */
export const rowFunctions = `
  create function pg_temp.row_id(text) returns uuid language sql immutable as
    $$ select overlay(overlay(md5($1) placing '4' from 13) placing '8' from 17)::uuid $$;
  create function pg_temp.object_id(text) returns text language sql immutable as
    $$ select md5($1) || left(md5($1 || '-'), 8) $$;
  create function pg_temp.sha256_hex(text) returns text language sql immutable as
    $$ select encode(sha256(convert_to($1, 'UTF8')), 'hex') $$;
  create function pg_temp.time_of(project int, diff int) returns timestamptz language sql immutable as
    $$ select timestamptz '2026-01-01 00:00:00Z' + make_interval(mins => diff, secs => project) $$`

const policy = `'${JSON.stringify(defaultPolicy)}'::jsonb`
const people = `insert into actor (id, kind, name, role, created_at)
  select pg_temp.row_id('person-' || number), 'HUMAN', 'Person ' || number, 'REVIEWER', timestamptz '2026-01-01'
  from generate_series(1, $1::int) number`
const tokens = `insert into api_token (id, actor_id, name, role, secret_hash, created_at, last_used_at)
  select pg_temp.row_id('token-' || number), pg_temp.row_id('person-' || number), 'bench', 'REVIEWER',
    pg_temp.sha256_hex('csk_person_' || number), timestamptz '2026-01-01', now()
  from generate_series(1, $1::int) number`

const emptyBudget = 'null::float8, null::bigint, 0, 0, 0, 0'
const budgets = `insert into budget (id, max_cost_usd, max_tokens, spent_cost_usd, spent_tokens, reserved_cost_usd, reserved_tokens)
  select pg_temp.row_id('budget-' || project), ${emptyBudget} from generate_series(1, $1::int) project
  union all
  select pg_temp.row_id('budget-' || project || '-' || sprint), ${emptyBudget}
  from generate_series(1, $1::int) project, generate_series(1, $2::int / 10) sprint`
const projects = `insert into project (id, name, status, target_branch, object_format, source, head_commit, push_on_commit,
    policy, environment, budget_id, created_by_id, created_at)
  select pg_temp.row_id('project-' || project), 'Project ' || project, 'READY', 'main', 'SHA1', '{"kind":"EMPTY"}',
    pg_temp.object_id('head-' || project), false, ${policy}, '{"setupCommands":[],"keyFiles":[],"image":null}',
    pg_temp.row_id('budget-' || project), pg_temp.row_id('person-1'), pg_temp.time_of(project, 0)
  from generate_series(1, $1::int) project`

const questions = `'[{"key":"goal","question":"What should be different?","rationale":"It says what to test.","answer":null},
  {"key":"limits","question":"What must not change?","rationale":"It bounds the change.","answer":null}]'`
const specs = `insert into spec (id, project_id, title, task, status, max_questions, interview_status, interview_mode,
    questions, created_by_id, created_at)
  select pg_temp.row_id('spec-' || project || '-' || spec), pg_temp.row_id('project-' || project), 'Task ' || spec,
    repeat('Let the command line take one more option. ', 8), 'DRAFT', 5, 'NEEDS_ANSWERS', 'STUB', ${questions},
    pg_temp.row_id('person-1'), pg_temp.time_of(project, spec)
  from generate_series(1, $1::int) project, generate_series(1, $2::int / 10) spec`
const sprints = `insert into sprint (id, project_id, spec_id, name, goal, status, require_plan_approval, max_attempts,
    deadline_seconds, iteration, base_commit, budget_id, created_by_id, created_at, started_at, finished_at)
  select pg_temp.row_id('sprint-' || project || '-' || sprint), pg_temp.row_id('project-' || project),
    pg_temp.row_id('spec-' || project || '-' || sprint), 'Sprint ' || sprint, 'One more option.', 'COMPLETED', false, 3,
    1800, 1, pg_temp.object_id('base-' || project || '-' || sprint),
    pg_temp.row_id('budget-' || project || '-' || sprint), pg_temp.row_id('person-1'),
    pg_temp.time_of(project, sprint), pg_temp.time_of(project, sprint), pg_temp.time_of(project, sprint)
  from generate_series(1, $1::int) project, generate_series(1, $2::int / 10) sprint`

// Every other hash in a report is of what stands in it, which nothing here reads.
const evaluations = `insert into safety_evaluation (id, project_id, base_tree, result_tree, analyzer_version,
    evaluation_hash, report, created_at)
  select pg_temp.row_id('evaluation-' || name), pg_temp.row_id('project-' || project),
    pg_temp.object_id('base-tree-' || name), pg_temp.object_id('result-tree-' || name), 'bench', hash,
    jsonb_build_object('syntaxValid', true, 'safe', true, 'issues', '[]'::jsonb, 'warnings', '[]'::jsonb,
      'added', '[]'::jsonb, 'removed', '[]'::jsonb, 'unchanged', '[]'::jsonb, 'addedCapabilities', '[]'::jsonb,
      'evaluationHash', hash, 'reportHash', hash, 'analyzerVersion', 'bench'),
    pg_temp.time_of(project, diff)
  from generate_series(1, $1::int) project, generate_series(1, $2::int) diff,
    lateral (select project || '-' || diff as name, pg_temp.sha256_hex('evaluation-' || project || '-' || diff) as hash) named`

/** Three files a diff: two modules and a test, each with one hunk of eight added lines and one removed. */
const files = `select jsonb_agg(jsonb_build_object('path', path, 'previousPath', null, 'kind', 'MODIFIED', 'isBinary', false,
      'additions', 8, 'deletions', 1, 'isTest', place = 3, 'patch', patch) order by place) as files,
    jsonb_agg(path order by place) as paths, string_agg(patch, '' order by place) as content
  from generate_series(1, 3) place,
    lateral (select case when place = 3 then 'tests/test_' || diff % 97 || '.py'
      else 'src/package_' || diff % 13 || '/module_' || place || '.py' end as path) named,
    lateral (select format(E'diff --git a/%1$s b/%1$s\\nindex %2$s..%3$s 100644\\n--- a/%1$s\\n+++ b/%1$s\\n@@ -10,4 +10,11 @@ def main():\\n     total = 0\\n-    limit = 0\\n',
        path, left(md5(path || diff), 7), left(md5(diff || path), 7))
      || string_agg('+    option_' || line || ' = read_option(arguments, ' || diff * line || ')' || E'\\n', '' order by line)
      || E'     return total\\n \\n' as patch from generate_series(1, 8) line) written`
const diffs = `insert into diff (id, project_id, origin, status, author_id, requested_by_id, sprint_id, iteration,
    target_branch, base_commit, base_tree, result_tree, content, content_hash, change_hash, files, additions, deletions,
    hunks, risk_facts, prompt, commit_message, safety_id, commit_oid, created_at, updated_at)
  select pg_temp.row_id('diff-' || name), pg_temp.row_id('project-' || project),
    case when diff % 10 = 0 then 'SPRINT' else 'EXTERNAL' end,
    status, pg_temp.row_id('person-' || 1 + diff % $3::int), pg_temp.row_id('person-1'),
    case when diff % 10 = 0 then pg_temp.row_id('sprint-' || project || '-' || diff / 10) end, 1,
    'main', pg_temp.object_id('base-' || name), pg_temp.object_id('base-tree-' || name),
    pg_temp.object_id('result-tree-' || name), content, pg_temp.sha256_hex(content), pg_temp.sha256_hex(content || '-'),
    files, 24, 3, 3,
    jsonb_build_object('paths', paths, 'moved', '[]'::jsonb, 'uses', '[]'::jsonb, 'findings', '[]'::jsonb,
      'tests', jsonb_build_array(jsonb_build_object('path', paths->>2, 'deleted', false)), 'binaries', '[]'::jsonb,
      'changedLines', 27, 'changedFiles', 3),
    'Let the command line take one more option.', 'Take option ' || diff, pg_temp.row_id('evaluation-' || name),
    case when status = 'COMMITTED' then pg_temp.object_id('commit-' || name) end,
    pg_temp.time_of(project, diff), pg_temp.time_of(project, diff)
  from generate_series(1, $1::int) project, generate_series(1, $2::int) diff,
    lateral (select project || '-' || diff as name, case diff % 50 when 0 then 'PROPOSED' when 1 then 'HUMAN_REVIEWING'
      when 2 then 'APPROVED' when 3 then 'HUMAN_REJECTED' when 4 then 'SUPERSEDED' else 'COMMITTED' end as status) named,
    lateral (${files}) written`

const testCases = `insert into test_case (id, project_id, name, command, quick, timeout_ms, files, allow_models, created_at)
  select pg_temp.row_id('test-' || project), pg_temp.row_id('project-' || project), 'tests', '["pytest"]', true, 5000, '[]',
    false, pg_temp.time_of(project, 0)
  from generate_series(1, $1::int) project`
const definition = `insert into test_definition (hash, command, timeout_ms, files, allow_models)
  values ('bench', '["pytest"]', 5000, '[]', false)`
/** Every other diff was tested twice. */
const runs = `generate_series(1, $1::int) project, generate_series(1, $2::int) diff,
    lateral (select project || '-' || diff || '-' || run as name, run from generate_series(1, 1 + diff % 2) run) named`
const testRuns = `insert into test_run (id, project_id, diff_id, tree, base_tree, basis, status, sandbox, force, cached,
    total, passed, failed, created_at, started_at, finished_at)
  select pg_temp.row_id('run-' || name), pg_temp.row_id('project-' || project),
    pg_temp.row_id('diff-' || project || '-' || diff), pg_temp.object_id('result-tree-' || project || '-' || diff),
    pg_temp.object_id('base-tree-' || project || '-' || diff), 'WORKSPACE', 'PASSED', 'bubblewrap', false, false, 1, 1, 0,
    at, at, at + interval '2 seconds'
  from ${runs}, lateral (select pg_temp.time_of(project, diff) + make_interval(secs => 10 * run) as at) timed`
const testResults = `insert into test_result (id, test_run_id, test_case_id, position, name, command, definition_hash,
    content_key, status, exit_code, stdout, stderr, truncated, duration_ms)
  select pg_temp.row_id('result-' || name), pg_temp.row_id('run-' || name), pg_temp.row_id('test-' || project), 0, 'tests',
    '["pytest"]', 'bench', pg_temp.sha256_hex(name), 'PASSED', 0, '1 passed', '', false, 2000
  from ${runs}`

/** One verdict on what was decided, and a second approval on every other one that was committed. */
const reviews = `insert into review (id, diff_id, reviewer_id, verdict, feedback, content_hash, evaluation_hash, base_commit,
    message_hash, policy_hash, token_role, created_at)
  select pg_temp.row_id('review-' || diff.id || '-' || number), diff.id,
    pg_temp.row_id('person-' || 1 + number % $1::int),
    case when diff.status = 'HUMAN_REJECTED' then 'REJECT' else 'APPROVE' end,
    case when diff.status = 'HUMAN_REJECTED' then 'The option has another name elsewhere.' end,
    content_hash, evaluation_hash, base_commit, pg_temp.sha256_hex(commit_message), '${policyHash(defaultPolicy)}', 'REVIEWER',
    diff.created_at + make_interval(secs => 20 * number)
  from diff join safety_evaluation on safety_evaluation.id = diff.safety_id,
    generate_series(1, case when diff.status = 'COMMITTED' and extract(minute from diff.created_at)::int % 2 = 0 then 2 else 1 end) number
  where diff.status in ('COMMITTED', 'APPROVED', 'HUMAN_REJECTED')`

/** A part of the log: each is a transaction of its own, as the product's are. */
export const eventsStatement = `insert into event (at, project_id, diff_id, body)
  select timestamptz '2026-01-01' + make_interval(secs => event), pg_temp.row_id('project-' || project), diff,
    jsonb_build_object('type', 'DiffChanged', 'diffId', diff, 'status', 'PROPOSED')
  from generate_series($1::int, $2::int) event, lateral (select 1 + event % $3::int as project) placed,
    lateral (select pg_temp.row_id('diff-' || project || '-' || 1 + event / $3::int % $4::int) as diff) named`

/** In the order in which rows refer to each other; what each takes: people, projects, or projects and diffs of each. */
export const rowStatements: readonly {
  readonly text: string
  readonly takes: readonly ('people' | 'projects' | 'diffs')[]
}[] = [
  { text: people, takes: ['people'] },
  { text: tokens, takes: ['people'] },
  { text: budgets, takes: ['projects', 'diffs'] },
  { text: projects, takes: ['projects'] },
  { text: specs, takes: ['projects', 'diffs'] },
  { text: sprints, takes: ['projects', 'diffs'] },
  { text: evaluations, takes: ['projects', 'diffs'] },
  { text: diffs, takes: ['projects', 'diffs', 'people'] },
  { text: testCases, takes: ['projects'] },
  { text: definition, takes: [] },
  { text: testRuns, takes: ['projects', 'diffs'] },
  { text: testResults, takes: ['projects', 'diffs'] },
  { text: reviews, takes: ['people'] },
]
