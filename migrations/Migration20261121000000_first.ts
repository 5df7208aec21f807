import { Migration } from '@mikro-orm/migrations'

export class Migration20261121000000_first extends Migration {
  override up(): void {
    this.addSql(`create table "actor" (
      "id" uuid not null,
      "kind" text not null,
      "name" text not null,
      "email" text null,
      "role" text null,
      "owner_id" uuid null,
      "disabled_at" timestamptz null,
      "created_at" timestamptz not null,
      primary key ("id")
    )`)
    this.addSql(`create table "api_token" (
      "id" uuid not null,
      "actor_id" uuid not null,
      "name" text not null,
      "role" text not null,
      "secret_hash" text not null,
      "created_at" timestamptz not null,
      "last_used_at" timestamptz null,
      "expires_at" timestamptz null,
      "revoked_at" timestamptz null,
      primary key ("id")
    )`)
    this.addSql(`create index "api_token_actor_id_index" on "api_token" ("actor_id")`)
    this.addSql(`alter table "api_token" add constraint "api_token_secret_hash_unique" unique ("secret_hash")`)
    this.addSql(`create table "budget" (
      "id" uuid not null,
      "max_cost_usd" double precision null,
      "max_tokens" bigint null,
      "spent_cost_usd" double precision not null,
      "spent_tokens" bigint not null,
      "reserved_cost_usd" double precision not null,
      "reserved_tokens" bigint not null,
      primary key ("id")
    )`)
    this.addSql(`create table "client_mutation" (
      "actor_id" uuid not null,
      "mutation" text not null,
      "client_mutation_id" text not null,
      "object_id" uuid not null,
      "created_at" timestamptz not null,
      primary key ("actor_id", "mutation", "client_mutation_id")
    )`)
    this.addSql(`create table "event" (
      "id" bigserial primary key,
      "xid" xid8 not null default pg_current_xact_id(),
      "at" timestamptz not null,
      "project_id" uuid not null,
      "spec_id" uuid null,
      "sprint_id" uuid null,
      "diff_id" uuid null,
      "body" jsonb not null
    )`)
    this.addSql(`create index "event_xid_id_index" on "event" ("xid", "id")`)
    this.addSql(`create index "event_project_index" on "event" ("project_id", "xid", "id")`)
    this.addSql(`create index "event_sprint_index" on "event" ("sprint_id", "xid", "id")`)
    this.addSql(`create index "event_diff_index" on "event" ("diff_id", "xid", "id")`)
    this.addSql(`create table "lease" (
      "resource" text not null,
      "owner" text not null,
      "fence" bigint not null,
      "until" timestamptz not null,
      "again" boolean not null,
      primary key ("resource")
    )`)
    this.addSql(`create table "outbox" (
      "id" bigserial primary key,
      "job" text not null,
      "payload" jsonb not null,
      "created_at" timestamptz not null,
      "published_at" timestamptz null
    )`)
    this.addSql(`create index "outbox_created_at_index" on "outbox" ("created_at")`)
    this.addSql(`create index "outbox_unpublished_index" on "outbox" ("id") where published_at is null`)
    this.addSql(`create table "project" (
      "id" uuid not null,
      "name" text not null,
      "status" text not null,
      "failure" text null,
      "target_branch" text null,
      "object_format" text not null,
      "source" jsonb not null,
      "head_commit" text null,
      "remote_url" text null,
      "policy" jsonb not null,
      "budget_id" uuid not null,
      "created_by_id" uuid not null,
      "created_at" timestamptz not null,
      "archived_at" timestamptz null,
      primary key ("id")
    )`)
    this.addSql(`create table "membership" (
      "project_id" uuid not null,
      "actor_id" uuid not null,
      "role" text not null,
      primary key ("project_id", "actor_id")
    )`)
    this.addSql(`create index "membership_actor_id_index" on "membership" ("actor_id")`)
    this.addSql(`create table "safety_evaluation" (
      "id" uuid not null,
      "project_id" uuid not null,
      "base_tree" text not null,
      "result_tree" text not null,
      "analyzer_version" text not null,
      "evaluation_hash" text not null,
      "report" jsonb not null,
      "created_at" timestamptz not null,
      primary key ("id")
    )`)
    this.addSql(
      `alter table "safety_evaluation" add constraint "safety_evaluation_subject_unique" unique ("project_id", "base_tree", "result_tree", "analyzer_version")`,
    )
    this.addSql(`create table "spec" (
      "id" uuid not null,
      "project_id" uuid not null,
      "title" text not null,
      "task" text not null,
      "status" text not null,
      "assessment" jsonb null,
      "max_questions" int not null,
      "interview_status" text not null,
      "interview_mode" text not null,
      "interview_failure" text null,
      "questions" jsonb not null,
      "created_by_id" uuid not null,
      "created_at" timestamptz not null,
      primary key ("id")
    )`)
    this.addSql(`create index "spec_project_id_index" on "spec" ("project_id")`)
    this.addSql(`create table "sprint" (
      "id" uuid not null,
      "project_id" uuid not null,
      "spec_id" uuid not null,
      "name" text not null,
      "goal" text not null,
      "status" text not null,
      "failure" text null,
      "require_plan_approval" boolean not null,
      "max_attempts" int not null,
      "deadline_seconds" int not null,
      "subagents" jsonb null,
      "judge" jsonb null,
      "plan" text null,
      "iteration" int not null,
      "feedback" text null,
      "base_commit" text null,
      "working_tree" text null,
      "budget_id" uuid not null,
      "created_by_id" uuid not null,
      "created_at" timestamptz not null,
      "started_at" timestamptz null,
      "deadline_at" timestamptz null,
      "finished_at" timestamptz null,
      primary key ("id")
    )`)
    this.addSql(`create index "sprint_project_id_index" on "sprint" ("project_id")`)
    this.addSql(`create index "sprint_spec_id_index" on "sprint" ("spec_id")`)
    this.addSql(`create table "phase" (
      "id" uuid not null,
      "sprint_id" uuid not null,
      "kind" text not null,
      "iteration" int not null,
      "attempt" int not null,
      "status" text not null,
      "summary" text null,
      "created_at" timestamptz not null,
      "started_at" timestamptz null,
      "finished_at" timestamptz null,
      primary key ("id")
    )`)
    this.addSql(
      `alter table "phase" add constraint "phase_step_unique" unique ("sprint_id", "iteration", "attempt", "kind")`,
    )
    this.addSql(`create table "agent_run" (
      "id" uuid not null,
      "project_id" uuid not null,
      "spec_id" uuid null,
      "sprint_id" uuid null,
      "phase_id" uuid null,
      "purpose" text not null,
      "status" text not null,
      "failure" text null,
      "message" text not null,
      "start_tree" text null,
      "subagents" jsonb not null,
      "judge" jsonb null,
      "note" text null,
      "created_at" timestamptz not null,
      "finished_at" timestamptz null,
      primary key ("id")
    )`)
    this.addSql(`create index "agent_run_project_id_index" on "agent_run" ("project_id")`)
    this.addSql(`create index "agent_run_spec_id_index" on "agent_run" ("spec_id")`)
    this.addSql(`create index "agent_run_sprint_id_index" on "agent_run" ("sprint_id")`)
    this.addSql(`create index "agent_run_phase_id_index" on "agent_run" ("phase_id")`)
    this.addSql(`create table "checkpoint" (
      "id" uuid not null,
      "run_id" uuid not null,
      "sequence" int not null,
      "label" text not null,
      "state" jsonb not null,
      "tree" text not null,
      "created_at" timestamptz not null,
      primary key ("id")
    )`)
    this.addSql(`alter table "checkpoint" add constraint "checkpoint_sequence_unique" unique ("run_id", "sequence")`)
    this.addSql(`alter table "checkpoint" add constraint "checkpoint_label_unique" unique ("run_id", "label")`)
    this.addSql(`create table "candidate" (
      "id" uuid not null,
      "run_id" uuid not null,
      "position" int not null,
      "label" text not null,
      "provider" text not null,
      "rehearsal" boolean not null,
      "model_name" text not null,
      "instructions" text null,
      "status" text not null,
      "output" text null,
      "tree" text null,
      "failure" jsonb null,
      "created_at" timestamptz not null,
      "started_at" timestamptz null,
      "finished_at" timestamptz null,
      primary key ("id")
    )`)
    this.addSql(`alter table "candidate" add constraint "candidate_label_unique" unique ("run_id", "label")`)
    this.addSql(`create table "model_call" (
      "id" uuid not null,
      "project_id" uuid not null,
      "sprint_id" uuid null,
      "run_id" uuid not null,
      "candidate_id" uuid null,
      "requested_by_id" uuid not null,
      "agent" text not null,
      "scope" text not null,
      "sequence" int not null,
      "request_hash" text not null,
      "provider" text not null,
      "model" text not null,
      "rehearsal" boolean not null,
      "status" text not null,
      "budget_ids" jsonb not null,
      "reserved_cost_usd" double precision not null,
      "reserved_tokens" bigint not null,
      "answer" jsonb null,
      "failure" text null,
      "input_tokens" int not null,
      "cached_input_tokens" int not null,
      "output_tokens" int not null,
      "cost_usd" double precision null,
      "trace_id" text not null,
      "started_at" timestamptz not null,
      "finished_at" timestamptz null,
      primary key ("id")
    )`)
    this.addSql(`create index "model_call_project_id_index" on "model_call" ("project_id")`)
    this.addSql(`create index "model_call_sprint_id_index" on "model_call" ("sprint_id")`)
    this.addSql(`create index "model_call_run_id_index" on "model_call" ("run_id")`)
    this.addSql(`create index "model_call_candidate_id_index" on "model_call" ("candidate_id")`)
    this.addSql(
      `create unique index "model_call_answered_unique" on "model_call" ("scope", "sequence") where status = 'ANSWERED'`,
    )
    this.addSql(`create index "model_call_scope_index" on "model_call" ("scope", "sequence")`)
    this.addSql(`create table "diff" (
      "id" uuid not null,
      "project_id" uuid not null,
      "origin" text not null,
      "status" text not null,
      "author_id" uuid not null,
      "requested_by_id" uuid null,
      "candidate_id" uuid null,
      "sprint_id" uuid null,
      "iteration" int not null,
      "supersedes_id" uuid null,
      "target_branch" text not null,
      "base_commit" text not null,
      "base_tree" text not null,
      "result_tree" text not null,
      "content" text not null,
      "content_hash" text not null,
      "change_hash" text not null,
      "files" jsonb not null,
      "additions" int not null,
      "deletions" int not null,
      "hunks" int not null,
      "prompt" text null,
      "commit_message" text not null,
      "human_feedback" text null,
      "safety_id" uuid not null,
      "commit_intent" jsonb null,
      "commit_oid" text null,
      "created_at" timestamptz not null,
      "updated_at" timestamptz not null,
      primary key ("id")
    )`)
    this.addSql(`create index "diff_sprint_id_index" on "diff" ("sprint_id")`)
    this.addSql(`create index "diff_supersedes_id_index" on "diff" ("supersedes_id")`)
    this.addSql(`create index "diff_project_id_created_at_index" on "diff" ("project_id", "created_at")`)
    this.addSql(`create index "diff_status_created_at_index" on "diff" ("status", "created_at")`)
    this.addSql(`create unique index "diff_open_intent_unique" on "diff" ("project_id") where status = 'COMMITTING'`)
    this.addSql(`create table "review" (
      "id" uuid not null,
      "diff_id" uuid not null,
      "reviewer_id" uuid not null,
      "verdict" text not null,
      "feedback" text null,
      "content_hash" text not null,
      "evaluation_hash" text not null,
      "base_commit" text not null,
      "message_hash" text not null,
      "policy_hash" text not null,
      "created_at" timestamptz not null,
      primary key ("id")
    )`)
    this.addSql(`create index "review_diff_id_index" on "review" ("diff_id")`)
    this.addSql(`create table "decision" (
      "id" uuid not null,
      "run_id" uuid not null,
      "selected_id" uuid not null,
      "merged" boolean not null,
      "method" text not null,
      "provider" text null,
      "model_name" text null,
      "rationale" text not null,
      "scores" jsonb not null,
      "failure" text null,
      "created_at" timestamptz not null,
      primary key ("id")
    )`)
    this.addSql(`alter table "decision" add constraint "decision_run_id_unique" unique ("run_id")`)
    this.addSql(`create table "test_case" (
      "id" uuid not null,
      "project_id" uuid not null,
      "name" text not null,
      "command" jsonb not null,
      "quick" boolean not null,
      "timeout_ms" int not null,
      "files" jsonb not null,
      "created_at" timestamptz not null,
      "deleted_at" timestamptz null,
      primary key ("id")
    )`)
    this.addSql(`create index "test_case_project_id_index" on "test_case" ("project_id")`)
    this.addSql(`create table "test_run" (
      "id" uuid not null,
      "project_id" uuid not null,
      "diff_id" uuid null,
      "candidate_id" uuid null,
      "phase_id" uuid null,
      "tree" text not null,
      "base_tree" text not null,
      "basis" text not null,
      "status" text not null,
      "sandbox" text not null,
      "total" int not null,
      "passed" int not null,
      "failed" int not null,
      "created_at" timestamptz not null,
      "started_at" timestamptz null,
      "finished_at" timestamptz null,
      primary key ("id")
    )`)
    this.addSql(`create index "test_run_diff_id_index" on "test_run" ("diff_id")`)
    this.addSql(`create index "test_run_candidate_id_index" on "test_run" ("candidate_id")`)
    this.addSql(`create index "test_run_phase_id_index" on "test_run" ("phase_id")`)
    this.addSql(`create table "test_result" (
      "id" uuid not null,
      "test_run_id" uuid not null,
      "test_case_id" uuid not null,
      "position" int not null,
      "name" text not null,
      "command" jsonb not null,
      "status" text null,
      "exit_code" int null,
      "stdout" text not null,
      "stderr" text not null,
      "truncated" boolean not null,
      "duration_ms" int not null,
      "error" text null,
      primary key ("id")
    )`)
    this.addSql(
      `alter table "test_result" add constraint "test_result_position_unique" unique ("test_run_id", "position")`,
    )
    this.addSql(`create table "tool_call" (
      "id" uuid not null,
      "candidate_id" uuid not null,
      "turn" int not null,
      "position" int not null,
      "tool_use_id" text not null,
      "name" text not null,
      "arguments" jsonb not null,
      "result" text not null,
      "is_error" boolean not null,
      "tree" text null,
      "duration_ms" int not null,
      "created_at" timestamptz not null,
      primary key ("id")
    )`)
    this.addSql(
      `alter table "tool_call" add constraint "tool_call_place_unique" unique ("candidate_id", "turn", "position")`,
    )
    this.addSql(
      `alter table "actor" add constraint "actor_owner_id_foreign" foreign key ("owner_id") references "actor" ("id") on delete set null`,
    )
    this.addSql(
      `alter table "api_token" add constraint "api_token_actor_id_foreign" foreign key ("actor_id") references "actor" ("id")`,
    )
    this.addSql(
      `alter table "client_mutation" add constraint "client_mutation_actor_id_foreign" foreign key ("actor_id") references "actor" ("id")`,
    )
    this.addSql(
      `alter table "project" add constraint "project_budget_id_foreign" foreign key ("budget_id") references "budget" ("id")`,
    )
    this.addSql(
      `alter table "project" add constraint "project_created_by_id_foreign" foreign key ("created_by_id") references "actor" ("id")`,
    )
    this.addSql(
      `alter table "membership" add constraint "membership_project_id_foreign" foreign key ("project_id") references "project" ("id") on update cascade on delete cascade`,
    )
    this.addSql(
      `alter table "membership" add constraint "membership_actor_id_foreign" foreign key ("actor_id") references "actor" ("id") on update cascade on delete cascade`,
    )
    this.addSql(
      `alter table "safety_evaluation" add constraint "safety_evaluation_project_id_foreign" foreign key ("project_id") references "project" ("id")`,
    )
    this.addSql(
      `alter table "spec" add constraint "spec_project_id_foreign" foreign key ("project_id") references "project" ("id")`,
    )
    this.addSql(
      `alter table "spec" add constraint "spec_created_by_id_foreign" foreign key ("created_by_id") references "actor" ("id")`,
    )
    this.addSql(
      `alter table "sprint" add constraint "sprint_project_id_foreign" foreign key ("project_id") references "project" ("id")`,
    )
    this.addSql(
      `alter table "sprint" add constraint "sprint_spec_id_foreign" foreign key ("spec_id") references "spec" ("id")`,
    )
    this.addSql(
      `alter table "sprint" add constraint "sprint_budget_id_foreign" foreign key ("budget_id") references "budget" ("id")`,
    )
    this.addSql(
      `alter table "sprint" add constraint "sprint_created_by_id_foreign" foreign key ("created_by_id") references "actor" ("id")`,
    )
    this.addSql(
      `alter table "phase" add constraint "phase_sprint_id_foreign" foreign key ("sprint_id") references "sprint" ("id")`,
    )
    this.addSql(
      `alter table "agent_run" add constraint "agent_run_project_id_foreign" foreign key ("project_id") references "project" ("id")`,
    )
    this.addSql(
      `alter table "agent_run" add constraint "agent_run_spec_id_foreign" foreign key ("spec_id") references "spec" ("id") on delete set null`,
    )
    this.addSql(
      `alter table "agent_run" add constraint "agent_run_sprint_id_foreign" foreign key ("sprint_id") references "sprint" ("id") on delete set null`,
    )
    this.addSql(
      `alter table "agent_run" add constraint "agent_run_phase_id_foreign" foreign key ("phase_id") references "phase" ("id") on delete set null`,
    )
    this.addSql(
      `alter table "checkpoint" add constraint "checkpoint_run_id_foreign" foreign key ("run_id") references "agent_run" ("id")`,
    )
    this.addSql(
      `alter table "candidate" add constraint "candidate_run_id_foreign" foreign key ("run_id") references "agent_run" ("id")`,
    )
    this.addSql(
      `alter table "model_call" add constraint "model_call_project_id_foreign" foreign key ("project_id") references "project" ("id")`,
    )
    this.addSql(
      `alter table "model_call" add constraint "model_call_sprint_id_foreign" foreign key ("sprint_id") references "sprint" ("id") on delete set null`,
    )
    this.addSql(
      `alter table "model_call" add constraint "model_call_run_id_foreign" foreign key ("run_id") references "agent_run" ("id")`,
    )
    this.addSql(
      `alter table "model_call" add constraint "model_call_candidate_id_foreign" foreign key ("candidate_id") references "candidate" ("id") on delete set null`,
    )
    this.addSql(
      `alter table "model_call" add constraint "model_call_requested_by_id_foreign" foreign key ("requested_by_id") references "actor" ("id")`,
    )
    this.addSql(
      `alter table "diff" add constraint "diff_project_id_foreign" foreign key ("project_id") references "project" ("id")`,
    )
    this.addSql(
      `alter table "diff" add constraint "diff_author_id_foreign" foreign key ("author_id") references "actor" ("id")`,
    )
    this.addSql(
      `alter table "diff" add constraint "diff_requested_by_id_foreign" foreign key ("requested_by_id") references "actor" ("id") on delete set null`,
    )
    this.addSql(
      `alter table "diff" add constraint "diff_candidate_id_foreign" foreign key ("candidate_id") references "candidate" ("id") on delete set null`,
    )
    this.addSql(
      `alter table "diff" add constraint "diff_sprint_id_foreign" foreign key ("sprint_id") references "sprint" ("id") on delete set null`,
    )
    this.addSql(
      `alter table "diff" add constraint "diff_supersedes_id_foreign" foreign key ("supersedes_id") references "diff" ("id") on delete set null`,
    )
    this.addSql(
      `alter table "diff" add constraint "diff_safety_id_foreign" foreign key ("safety_id") references "safety_evaluation" ("id")`,
    )
    this.addSql(
      `alter table "review" add constraint "review_diff_id_foreign" foreign key ("diff_id") references "diff" ("id")`,
    )
    this.addSql(
      `alter table "review" add constraint "review_reviewer_id_foreign" foreign key ("reviewer_id") references "actor" ("id")`,
    )
    this.addSql(
      `alter table "decision" add constraint "decision_run_id_foreign" foreign key ("run_id") references "agent_run" ("id")`,
    )
    this.addSql(
      `alter table "decision" add constraint "decision_selected_id_foreign" foreign key ("selected_id") references "candidate" ("id")`,
    )
    this.addSql(
      `alter table "test_case" add constraint "test_case_project_id_foreign" foreign key ("project_id") references "project" ("id")`,
    )
    this.addSql(
      `alter table "test_run" add constraint "test_run_project_id_foreign" foreign key ("project_id") references "project" ("id")`,
    )
    this.addSql(
      `alter table "test_run" add constraint "test_run_diff_id_foreign" foreign key ("diff_id") references "diff" ("id") on delete set null`,
    )
    this.addSql(
      `alter table "test_run" add constraint "test_run_candidate_id_foreign" foreign key ("candidate_id") references "candidate" ("id") on delete set null`,
    )
    this.addSql(
      `alter table "test_run" add constraint "test_run_phase_id_foreign" foreign key ("phase_id") references "phase" ("id") on delete set null`,
    )
    this.addSql(
      `alter table "test_result" add constraint "test_result_test_run_id_foreign" foreign key ("test_run_id") references "test_run" ("id")`,
    )
    this.addSql(
      `alter table "test_result" add constraint "test_result_test_case_id_foreign" foreign key ("test_case_id") references "test_case" ("id")`,
    )
    this.addSql(
      `alter table "tool_call" add constraint "tool_call_candidate_id_foreign" foreign key ("candidate_id") references "candidate" ("id")`,
    )
  }
}
