import { InvalidTransitionError } from '../errors.ts'
import type { Transaction } from '../shared/transact.ts'
import { Spec } from '../spec/spec.entity.ts'

/** @throws InvalidTransitionError when a spec's interview is not answered, so that no sprint may work on it */
export const requireValidated = async (tx: Transaction, specId: string): Promise<void> => {
  const spec = await tx.em.findOneOrFail(Spec, { id: specId })
  if (spec.status === 'VALIDATED') return
  const hint = 'Answer its interview before a sprint is started.'
  throw new InvalidTransitionError('spec', spec.status, 'VALIDATED', hint)
}
