/** Where the writer tells the bare servers of what it has committed: a project's id, a space, and the message. */
export const channel = 'bench_events'
