/** What left-behind.mjs has, for TypeScript; it is plain JavaScript since run.mjs, which any Node runs, needs it. */
export const isLeftBehind: (path: string) => boolean
