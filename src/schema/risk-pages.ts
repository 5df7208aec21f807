import { resolveCursorConnection } from '@pothos/plugin-relay'
import type { DiffRow } from '../domain/diff/diff.entity.ts'
import { byRisk, placeOf, type RiskPlace } from '../domain/risk/load-risk.ts'
import { fieldFault } from '../domain/shared/validate.ts'
import { isRowId } from './ids.ts'
import type { Loaders } from './loaders.ts'
import { checkPageSize, defaultPageSize, isPlaceTime, maxPageSize, type PageArguments } from './pages.ts'

const formatPlace = ({ score, createdAt, id }: RiskPlace): string =>
  Buffer.from(`risk ${score} ${createdAt.toISOString()} ${id}`).toString('base64url')

const parsePlace = (argument: string, cursor: string): RiskPlace => {
  const [order, score, createdAt, id, rest] = Buffer.from(cursor, 'base64url').toString('utf8').split(' ')
  const isPlace = order === 'risk' && /^\d{1,9}$/.test(score ?? '') && isPlaceTime(createdAt ?? '') && isRowId(id ?? '')
  if (!isPlace || rest !== undefined) throw fieldFault(argument, 'is not a cursor of this list in this order')
  return { score: Number(score), createdAt: new Date(createdAt ?? ''), id: id ?? '' }
}

/**
 * A Relay connection over the diffs that wait for a person, worst first. A cursor is a place in the order and no row's:
 * what it was made for may have gone, and the next page begins where it was.
 * @throws ValidationError for a cursor of another list or order, or a page that is too large
 */
export const riskPage = (load: Loaders, projectIds: readonly string[] | null, args: PageArguments) => {
  checkPageSize(args)
  const cursors = new Map<string, string>()
  return resolveCursorConnection(
    {
      args,
      defaultSize: defaultPageSize,
      maxSize: maxPageSize,
      toCursor: (row: unknown) => cursors.get((row as DiffRow).id) ?? '',
    },
    async ({ after, before, limit, inverted }): Promise<DiffRow[]> => {
      const [from, to] = [
        after === undefined ? null : parsePlace('after', after),
        before === undefined ? null : parsePlace('before', before),
      ]
      const ranked = (await load.pendingByRisk(projectIds)).filter((diff) => {
        const place = placeOf(diff)
        return (from === null || byRisk(place, from) > 0) && (to === null || byRisk(place, to) < 0)
      })
      const shown = (inverted ? ranked.toReversed() : ranked).slice(0, limit)
      for (const diff of shown) cursors.set(diff.id, formatPlace(placeOf(diff)))
      const found = await load.diff.loadMany(shown.map(({ id }) => id))
      return found.map((diff) => {
        if (diff === null || diff instanceof Error) throw diff ?? new Error('A diff that waits for a person is gone.')
        return diff
      })
    },
  )
}
