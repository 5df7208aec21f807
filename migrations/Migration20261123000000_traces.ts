import { Migration } from '@mikro-orm/migrations'

export class Migration20261123000000_traces extends Migration {
  override up(): void {
    for (const table of ['outbox', 'sprint', 'session_turn', 'diff']) {
      this.addSql(`alter table "${table}" add column "trace" text null`)
    }
    // A call that no trace records has no trace's id. Those made until now keep theirs: to change them would hold all five
    // tables for as long as their rows take.
    this.addSql(`alter table "model_call" alter column "trace_id" drop not null`)
  }
}
