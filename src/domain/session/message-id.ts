import { sha256 } from '../shared/canonical-hash.ts'

/** The id of the message that an agent writes in a round: known before it is stored, so that its text can be followed. */
export const messageIdOf = (scope: string): string =>
  sha256(`message ${scope}`).replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12}).*$/, '$1-$2-8$3-8$4-$5')
