import { Migration } from '@mikro-orm/migrations'

const refer = (table: string, column: string, target: string, optional: boolean): string =>
  `alter table "${table}" add constraint "${table}_${column}_foreign" foreign key ("${column}") references "${target}" ("id")${
    optional ? ' on delete set null' : ''
  }`

export class Migration20261121233000_sessions extends Migration {
  override up(): void {
    this.addSql(`create table "session" (
      "id" uuid not null,
      "project_id" uuid not null,
      "title" text not null,
      "coder" jsonb not null,
      "evaluator" jsonb not null,
      "budget_id" uuid not null,
      "created_by_id" uuid not null,
      "last_message_at" timestamptz null,
      "created_at" timestamptz not null,
      "closed_at" timestamptz null,
      primary key ("id")
    )`)
    this.addSql(`create index "session_project_id_created_at_index" on "session" ("project_id", "created_at")`)
    this.addSql(`create table "session_turn" (
      "id" uuid not null,
      "session_id" uuid not null,
      "position" int not null,
      "status" text not null,
      "failure" text null,
      "requested_by_id" uuid not null,
      "words" text not null,
      "remarks" jsonb not null,
      "prompt" text null,
      "epoch" int not null,
      "base_commit" text null,
      "start_tree" text null,
      "tree" text null,
      "created_at" timestamptz not null,
      "started_at" timestamptz null,
      "finished_at" timestamptz null,
      primary key ("id")
    )`)
    this.addSql(
      `alter table "session_turn" add constraint "session_turn_position_unique" unique ("session_id", "position")`,
    )
    this.addSql(`create table "message" (
      "id" uuid not null,
      "session_id" uuid not null,
      "turn_id" uuid not null,
      "role" text not null,
      "iteration" int not null,
      "author_id" uuid null,
      "text" text not null,
      "scope" text null,
      "model_call_id" uuid null,
      "rehearsal" boolean not null,
      "failure" text null,
      "verdict" text null,
      "submitted_tree" text null,
      "test_run_id" uuid null,
      "question" text null,
      "diff_id" uuid null,
      "created_at" timestamptz not null,
      primary key ("id")
    )`)
    this.addSql(`create index "message_turn_id_index" on "message" ("turn_id")`)
    this.addSql(`create index "message_diff_id_index" on "message" ("diff_id")`)
    this.addSql(`create index "message_session_id_created_at_index" on "message" ("session_id", "created_at")`)
    this.addSql(`create table "review_comment" (
      "id" uuid not null,
      "diff_id" uuid not null,
      "author_id" uuid not null,
      "review_id" uuid null,
      "path" text not null,
      "side" text not null,
      "line" int not null,
      "code" text not null,
      "text" text not null,
      "created_at" timestamptz not null,
      primary key ("id")
    )`)
    this.addSql(`create index "review_comment_diff_id_index" on "review_comment" ("diff_id")`)
    this.addSql(`create index "review_comment_review_id_index" on "review_comment" ("review_id")`)
    for (const table of ['model_call', 'test_run', 'diff'] as const) {
      this.addSql(`alter table "${table}" add "session_id" uuid null`)
      this.addSql(`create index "${table}_session_id_index" on "${table}" ("session_id")`)
      this.addSql(refer(table, 'session_id', 'session', true))
    }
    this.addSql(`alter table "diff" add "evaluator_reasoning" text null`)
    this.addSql(`alter table "event" add "session_id" uuid null`)
    this.addSql(`create index "event_session_index" on "event" ("session_id", "xid", "id")`)
    this.addSql(refer('session', 'project_id', 'project', false))
    this.addSql(refer('session', 'budget_id', 'budget', false))
    this.addSql(refer('session', 'created_by_id', 'actor', false))
    this.addSql(refer('session_turn', 'session_id', 'session', false))
    this.addSql(refer('session_turn', 'requested_by_id', 'actor', false))
    this.addSql(refer('message', 'session_id', 'session', false))
    this.addSql(refer('message', 'turn_id', 'session_turn', false))
    this.addSql(refer('message', 'author_id', 'actor', true))
    this.addSql(refer('message', 'model_call_id', 'model_call', true))
    this.addSql(refer('message', 'test_run_id', 'test_run', true))
    this.addSql(refer('message', 'diff_id', 'diff', true))
    this.addSql(refer('review_comment', 'diff_id', 'diff', false))
    this.addSql(refer('review_comment', 'author_id', 'actor', false))
    this.addSql(refer('review_comment', 'review_id', 'review', true))
  }
}
