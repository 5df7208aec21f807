/** The smallest UUID there is: no row has it. */
const none = '00000000-0000-0000-0000-000000000000'

/** Rows in pages, in the order of their ids. */
export async function* rowPages<Row extends { readonly id: string }>(
  read: (after: string) => Promise<readonly Row[]>,
): AsyncGenerator<readonly Row[]> {
  let after = none
  for (;;) {
    const page = await read(after)
    const last = page.at(-1)
    if (!last) return
    yield page
    after = last.id
  }
}
