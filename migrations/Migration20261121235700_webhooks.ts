import { Migration } from '@mikro-orm/migrations'

export class Migration20261121235700_webhooks extends Migration {
  override up(): void {
    this.addSql(`create table "webhook" (
      "id" uuid not null,
      "project_id" uuid not null,
      "url" text not null,
      "event_types" jsonb null,
      "secret" text null,
      "cursor_xid" xid8 not null,
      "cursor_id" bigint not null,
      "failures" int not null,
      "last_error" text null,
      "next_at" timestamptz not null,
      "asked_at" timestamptz null,
      "last_delivered_at" timestamptz null,
      "dead_at" timestamptz null,
      "created_by_id" uuid not null,
      "created_at" timestamptz not null,
      "deleted_at" timestamptz null,
      primary key ("id")
    )`)
    this.addSql(`create index "webhook_project_id_index" on "webhook" ("project_id")`)
    this.addSql(
      `alter table "webhook" add constraint "webhook_project_id_foreign" foreign key ("project_id") references "project" ("id")`,
    )
    this.addSql(
      `alter table "webhook" add constraint "webhook_created_by_id_foreign" foreign key ("created_by_id") references "actor" ("id")`,
    )
  }
}
