import { Migration } from '@mikro-orm/migrations'

export class Migration20261121235550_messages_and_rebases extends Migration {
  override up(): void {
    this.addSql(`alter table "diff" add "refinement" jsonb null, add "auto_rebase" jsonb null`)
    this.addSql(
      `create index "diff_wishes_index" on "diff" ("id") where refinement is not null or auto_rebase is not null`,
    )
  }
}
