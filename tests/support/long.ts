/** Whether tests run in their long forms: `npm run test:long`. Otherwise they are as short as what they show allows. */
export const isLong = process.env.COUNTERSIGN_LONG === '1'
