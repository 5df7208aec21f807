import type { InferEntity } from '@mikro-orm/core'

type Properties<Schema> = Extract<keyof InferEntity<Schema>, string>

/** The plain values of an entity's row, as lists and reads see it: every column there, null where empty. */
export type Row<Schema> = {
  readonly [Property in Properties<Schema>]-?: Exclude<InferEntity<Schema>[Property], undefined>
}
