import { Migration } from '@mikro-orm/migrations'

export class Migration20261122010000_restored_log extends Migration {
  override up(): void {
    this.addSql(`alter table "event_horizon" add column "first_id" bigint not null default 0`)
    this.addSql(`alter table "event_horizon" alter column "first_id" drop default`)
  }
}
