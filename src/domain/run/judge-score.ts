import { z } from 'zod'

/** What a judge gives a candidate; another range would mix with it unseen. */
export const judgeScore = z.number().min(0).max(1).describe('From 0 to 1.')
