import { Migration } from '@mikro-orm/migrations'

export class Migration20261122002000_retention extends Migration {
  override up(): void {
    this.addSql(`create table "event_horizon" (
      "id" smallint not null,
      "xid" xid8 not null,
      "event_id" bigint not null,
      "before" timestamptz null,
      primary key ("id")
    )`)
    this.addSql(`insert into "event_horizon" ("id", "xid", "event_id") values (1, '0', 0)`)
    this.addSql(`create table "queue_memory" (
      "backend" text not null,
      "name" uuid not null,
      "since" timestamptz not null,
      primary key ("backend")
    )`)
    this.addSql(`create index "client_mutation_created_at_index" on "client_mutation" ("created_at")`)
    // Fences of all steps come from one sequence: that of a row that was removed and made again is still a new one.
    this.addSql(`create sequence "lease_fence"`)
    this.addSql(`select setval('lease_fence', (select coalesce(max(fence), 0) + 1 from "lease"))`)
    this.addSql(`alter table "lease" add column "claimed_at" timestamptz not null default now()`)
  }
}
