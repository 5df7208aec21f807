import { join } from 'node:path'
import { inject } from 'vitest'
import './provided.ts'

/** A program that `programs-global.ts` has written, by its path in the source without an ending. */
export const programFile = (name: string): string => join(inject('programs'), `${name}.js`)
