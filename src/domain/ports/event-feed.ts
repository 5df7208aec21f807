/** The port to the event log as it grows. */

import type { EventRow } from '../event/event.entity.ts'
import type { EventCursor } from '../event/event-cursor.ts'
import type { EventFilter } from '../event/read-events.ts'
import type { Handed } from '../shared/handed.ts'

/** Read once per process, whatever the number of subscribers. */
export interface EventFeed extends AsyncDisposable {
  /** Looks for new events: called when somebody wrote some. */
  wake(): void
  /**
   * Events after a cursor, or from now on, until the signal is aborted or `return` is called, also while it waits for
   * an event. Nothing is missed or repeated. Who is slow to take them is given later what comes meanwhile.
   */
  follow(filter: EventFilter, after: EventCursor | undefined, signal?: AbortSignal): Handed<EventRow>
  /** How many follow the log now. */
  subscribers(): number
  /** The place in the log up to which this process has read. */
  position(): EventCursor
}
