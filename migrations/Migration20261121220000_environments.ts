import { Migration } from '@mikro-orm/migrations'

export class Migration20261121220000_environments extends Migration {
  override up(): void {
    this.addSql(`create table "environment" (
      "id" uuid not null,
      "project_id" uuid not null,
      "hash" text not null,
      "setup_commands" jsonb not null,
      "key_files" jsonb not null,
      "image" text null,
      "driver" text not null,
      "status" text not null,
      "failure" text null,
      "log" text not null,
      "created_at" timestamptz not null,
      "needed_at" timestamptz not null,
      "started_at" timestamptz null,
      "finished_at" timestamptz null,
      "removed_at" timestamptz null,
      primary key ("id")
    )`)
    this.addSql(
      `alter table "environment" add constraint "environment_project_id_foreign" foreign key ("project_id") references "project" ("id")`,
    )
    this.addSql(`alter table "environment" add constraint "environment_hash_unique" unique ("project_id", "hash")`)
    this.addSql(
      `alter table "project" add "environment" jsonb not null default '{"setupCommands":[],"keyFiles":[],"image":null}'`,
    )
    this.addSql(`alter table "project" alter column "environment" drop default`)
    this.addSql(`alter table "test_run" add "environment_id" uuid null`)
    this.addSql(`create index "test_run_environment_id_index" on "test_run" ("environment_id")`)
    this.addSql(
      `alter table "test_run" add constraint "test_run_environment_id_foreign" foreign key ("environment_id") references "environment" ("id") on delete set null`,
    )
  }
}
