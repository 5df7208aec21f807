import { Migration } from '@mikro-orm/migrations'

export class Migration20261121210000_test_runs extends Migration {
  override up(): void {
    this.addSql(`create table "test_definition" (
      "hash" text not null,
      "command" jsonb not null,
      "timeout_ms" int not null,
      "files" jsonb not null,
      primary key ("hash")
    )`)
    // What earlier results were run with was not kept: each gets a definition that equals no other.
    this.addSql(`insert into "test_definition" ("hash", "command", "timeout_ms", "files")
      select 'result:' || result.id, result.command, test_case.timeout_ms, test_case.files
      from test_result result join test_case on test_case.id = result.test_case_id`)
    this.addSql(`alter table "test_result" add "definition_hash" text null`)
    this.addSql(`update "test_result" set "definition_hash" = 'result:' || id`)
    this.addSql(`alter table "test_result" alter column "definition_hash" set not null`)
    this.addSql(`alter table "test_result" add "content_key" text null`)
    this.addSql(`alter table "test_result" add "cached_from_id" uuid null`)
    this.addSql(`create index "test_result_content_key_index" on "test_result" ("content_key")`)
    this.addSql(
      `alter table "test_result" add constraint "test_result_definition_hash_foreign" foreign key ("definition_hash") references "test_definition" ("hash")`,
    )
    this.addSql(
      `alter table "test_result" add constraint "test_result_cached_from_id_foreign" foreign key ("cached_from_id") references "test_result" ("id") on delete set null`,
    )
    this.addSql(`alter table "test_run" add "force" boolean not null default true`)
    this.addSql(`alter table "test_run" alter column "force" drop default`)
    this.addSql(`alter table "test_run" add "cached" boolean not null default false`)
    this.addSql(`alter table "test_run" alter column "cached" drop default`)
  }
}
