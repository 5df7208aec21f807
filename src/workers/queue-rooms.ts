import type { JobsInQueue } from '../domain/ports/queues.ts'
import type { Pool } from '../jobs/job.ts'

/**
 * How many jobs may wait in a pool's queue. Whoever comes new waits for these and for nobody else's backlog; each job
 * that is taken makes room for the next at once, so it need not be more, whatever the number of workers.
 */
export const queueRoom = 10

// What others add meanwhile is not known: of several relays each may take the same room for its own for so long.
const knownForMs = 500

/** How many more jobs the queues have room for, as far as this process knows. */
export interface QueueRooms {
  /** Looks at a queue now. @returns what is in it */
  look(pool: Pool): Promise<JobsInQueue>
  /** As of the last look, less what was taken since; may be less than 0. */
  left(pool: Pool): number
  /** So many jobs are about to be added to a queue that was just looked at. */
  spend(pool: Pool, count: number): void
  /** A job was taken from a queue. */
  taken(pool: Pool): void
  /** Takes room for jobs that are added next, after a look at the queue where that is needed. @returns false: there is none */
  take(pool: Pool, count: number): Promise<boolean>
  /** So many of those for which room was taken were added, or could not be. */
  added(pool: Pool, count: number): void
}

interface Room {
  left: number
  /** Room was taken for so many that may not be in the queue yet. */
  underWay: number
  knownUntil: number
}

export const createQueueRooms = (jobsIn: (pool: Pool) => Promise<JobsInQueue>): QueueRooms => {
  const rooms = new Map<Pool, Room>()
  const roomOf = (pool: Pool): Room => {
    const room = rooms.get(pool) ?? { left: 0, underWay: 0, knownUntil: 0 }
    rooms.set(pool, room)
    return room
  }
  const looking = new Map<Pool, Promise<JobsInQueue>>()
  const lookOnce = async (pool: Pool): Promise<JobsInQueue> => {
    const inQueue = await jobsIn(pool)
    const room = roomOf(pool)
    room.left = queueRoom - inQueue.waiting.length - room.underWay
    room.knownUntil = performance.now() + knownForMs
    return inQueue
  }
  const look = (pool: Pool): Promise<JobsInQueue> => {
    const running = looking.get(pool)
    if (running) return running
    const started = lookOnce(pool).finally(() => looking.delete(pool))
    looking.set(pool, started)
    // There may be nothing to publish, and so nobody who waits for it.
    started.catch(() => {})
    return started
  }
  const takeKnown = (pool: Pool, count: number): boolean => {
    const room = roomOf(pool)
    if (room.left < count || performance.now() > room.knownUntil) return false
    room.left -= count
    room.underWay += count
    return true
  }
  return {
    look,
    left: (pool) => roomOf(pool).left,
    spend(pool, count) {
      roomOf(pool).left -= count
    },
    taken(pool) {
      const room = roomOf(pool)
      room.left = Math.min(room.left + 1, queueRoom)
    },
    async take(pool, count) {
      if (takeKnown(pool, count)) return true
      await look(pool)
      return takeKnown(pool, count)
    },
    added(pool, count) {
      roomOf(pool).underWay -= count
    },
  }
}
