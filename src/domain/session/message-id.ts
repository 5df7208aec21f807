import { uuidOf } from '../shared/canonical-hash.ts'

/** The id of the message that an agent writes in a round: known before it is stored, so that its text can be followed. */
export const messageIdOf = (scope: string): string => uuidOf(`message ${scope}`)
