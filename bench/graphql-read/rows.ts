/** What the references read alike: rows as the statements below give them. */

/** The states in which a diff waits for a person. */
export const pending = `('PROPOSED', 'EVALUATOR_APPROVED', 'EVALUATOR_REJECTED', 'HUMAN_REVIEWING', 'APPROVED')`

/** Of the files what a list shows, without the patches. */
export const filesOfList = `(select json_agg(json_build_object('path', file->'path', 'kind', file->'kind',
    'additions', file->'additions', 'deletions', file->'deletions', 'isTest', file->'isTest') order by place)
  from jsonb_array_elements(diff.files) with ordinality files(file, place)) as files`

export interface DiffOfList {
  readonly id: string
  readonly status: string
  readonly commit_message: string
  readonly additions: number
  readonly deletions: number
  readonly created_at: Date
  readonly author_id: string
  readonly files: readonly object[]
}

export interface TestRunOfList {
  readonly id: string
  readonly status: string
  readonly total: number
  readonly passed: number
  readonly failed: number
}

/** Where a list goes on. */
export const cursorOf = ({ id, created_at }: Pick<DiffOfList, 'id' | 'created_at'>): string =>
  Buffer.from(`${created_at.toISOString()} ${id}`).toString('base64url')

export const localId = (id: string): string => {
  const text = Buffer.from(id, 'base64').toString('utf8')
  return text.slice(text.indexOf(':') + 1)
}

export const globalId = (type: string, id: string): string => Buffer.from(`${type}:${id}`).toString('base64')
