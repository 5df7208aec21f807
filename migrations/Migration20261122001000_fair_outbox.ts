import { Migration } from '@mikro-orm/migrations'

export class Migration20261122001000_fair_outbox extends Migration {
  override up(): void {
    // What waits already stays of no project: one share of the turns, beside those of the projects.
    this.addSql(`alter table "outbox" add column "project_id" uuid null`)
    this.addSql(`drop index "outbox_unpublished_index"`)
    this.addSql(
      `create index "outbox_unpublished_index" on "outbox" ("job", coalesce("project_id", '00000000-0000-0000-0000-000000000000'), "id") where published_at is null`,
    )
    this.addSql(`create index "outbox_published_at_index" on "outbox" ("published_at")`)

    // What an older process has sent is of no lease, and holds no slot.
    this.addSql(`alter table "model_call" add column "lease" text null, add column "fence" bigint null`)
    this.addSql(`create index "model_call_sent_index" on "model_call" ("provider", "project_id") where status = 'SENT'`)
    this.addSql(`create table "waiting_call" (
      "id" bigserial primary key,
      "provider" text not null,
      "project_id" uuid not null,
      "lease" text not null,
      "fence" bigint not null
    )`)
    this.addSql(
      `alter table "waiting_call" add constraint "waiting_call_project_id_foreign" foreign key ("project_id") references "project" ("id")`,
    )

    // What is unfinished is few among all that there ever was.
    this.addSql(
      `create index "spec_open_index" on "spec" ("project_id") where interview_status in ('QUEUED', 'RUNNING')`,
    )
    this.addSql(`create index "sprint_open_index" on "sprint" ("project_id") where status = 'ACTIVE'`)
    this.addSql(
      `create index "agent_run_open_index" on "agent_run" ("project_id") where purpose = 'RUN' and status = 'RUNNING'`,
    )
    this.addSql(
      `create index "session_turn_open_index" on "session_turn" ("session_id") where status in ('WAITING', 'RUNNING')`,
    )
    this.addSql(`create index "test_run_open_index" on "test_run" ("project_id") where status in ('QUEUED', 'RUNNING')`)
    this.addSql(`create index "project_open_index" on "project" ("id") where status = 'CREATING'`)
  }
}
