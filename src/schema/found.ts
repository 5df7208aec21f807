/** A row that must be there because another one points to it. @throws Error when the database has lost it */
export const found = <Row>(row: Row | null | undefined): Row => {
  if (row === null || row === undefined) throw new Error('A row that another one points to is missing.')
  return row
}
