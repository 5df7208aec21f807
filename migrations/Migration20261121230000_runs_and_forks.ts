import { Migration } from '@mikro-orm/migrations'

export class Migration20261121230000_runs_and_forks extends Migration {
  override up(): void {
    this.addSql(`alter table "agent_run" add "role" text null, add "history" jsonb not null default '[]',
      add "base_commit" text null, add "metadata" jsonb null, add "budget_id" uuid null, add "created_by_id" uuid null,
      add "forked_from_id" uuid null, add "fork_label" text null, add "fork_reason" text null,
      add "replays_id" uuid null, add "deadline_at" timestamptz null`)
    this.addSql(`alter table "agent_run" alter column "history" drop default`)
    this.addSql(`update "agent_run" set "role" = case "purpose"
      when 'INTERVIEW' then 'interviewer' when 'DISCOVERY' then 'planner' when 'CODING' then 'coder' else 'verifier' end`)
    this.addSql(`update "agent_run" run set "base_commit" = sprint.base_commit
      from "sprint" sprint where sprint.id = run.sprint_id`)
    this.addSql(`update "agent_run" run set "created_by_id" = coalesce(
      (select created_by_id from "sprint" where id = run.sprint_id),
      (select created_by_id from "spec" where id = run.spec_id),
      (select created_by_id from "project" where id = run.project_id))`)
    this.addSql(`alter table "agent_run" alter column "role" set not null, alter column "created_by_id" set not null`)
    this.addSql(`create index "agent_run_forked_from_id_index" on "agent_run" ("forked_from_id")`)
    this.addSql(
      `alter table "agent_run" add constraint "agent_run_budget_id_foreign" foreign key ("budget_id") references "budget" ("id") on delete set null`,
    )
    this.addSql(
      `alter table "agent_run" add constraint "agent_run_created_by_id_foreign" foreign key ("created_by_id") references "actor" ("id")`,
    )
    this.addSql(`alter table "candidate" add "budget_id" uuid null`)
    this.addSql(
      `alter table "candidate" add constraint "candidate_budget_id_foreign" foreign key ("budget_id") references "budget" ("id") on delete set null`,
    )
    this.addSql(`alter table "decision" add "overruled" jsonb null, add "overruled_by_id" uuid null,
      add "overruled_at" timestamptz null`)
    this.addSql(
      `alter table "decision" add constraint "decision_overruled_by_id_foreign" foreign key ("overruled_by_id") references "actor" ("id") on delete set null`,
    )
    this.addSql(`alter table "model_call" alter column "run_id" drop not null, add "replayed_from_id" uuid null`)
    this.addSql(`alter table "model_call" drop constraint "model_call_run_id_foreign"`)
    this.addSql(
      `alter table "model_call" add constraint "model_call_run_id_foreign" foreign key ("run_id") references "agent_run" ("id") on delete set null`,
    )
    this.addSql(`drop index "model_call_answered_unique"`)
    this.addSql(
      `create unique index "model_call_answered_unique" on "model_call" ("scope", "sequence") where status in ('ANSWERED', 'REPLAYED')`,
    )
    this.addSql(`alter table "tool_call" add "scope" text null, add "hash" text null, add "replayed" boolean null,
      alter column "candidate_id" drop not null`)
    // What earlier results depended on was not kept: their hash equals no other.
    this.addSql(
      `update "tool_call" set "scope" = 'candidate:' || candidate_id, "hash" = 'call:' || id, "replayed" = false`,
    )
    this.addSql(`alter table "tool_call" alter column "scope" set not null, alter column "hash" set not null,
      alter column "replayed" set not null`)
    this.addSql(`alter table "tool_call" drop constraint "tool_call_place_unique"`)
    this.addSql(`alter table "tool_call" add constraint "tool_call_place_unique" unique ("scope", "turn", "position")`)
    this.addSql(`create index "tool_call_candidate_id_index" on "tool_call" ("candidate_id")`)
    this.addSql(`alter table "tool_call" drop constraint "tool_call_candidate_id_foreign"`)
    this.addSql(
      `alter table "tool_call" add constraint "tool_call_candidate_id_foreign" foreign key ("candidate_id") references "candidate" ("id") on delete set null`,
    )
    this.addSql(`alter table "phase" add "deadline_at" timestamptz null`)
    this.addSql(`alter table "sprint" add "plan_approved_at" timestamptz null`)
    this.addSql(`update "sprint" set "plan_approved_at" = "started_at"
      where "status" <> 'AWAITING_PLAN_APPROVAL' and exists (
        select 1 from "phase" where phase.sprint_id = sprint.id and phase.kind = 'CODING' and phase.started_at is not null
      )`)
  }
}
