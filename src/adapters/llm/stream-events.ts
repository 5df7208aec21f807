import { BrokenStream } from './failure.ts'

/**
 * The events of an SDK's stream, with what broke it told apart: bad JSON, an error that the provider sent
 * (passed on as `isComplaint` knows it), or a lost connection.
 *
 * @throws BrokenStream
 */
export async function* streamEvents<Event>(
  stream: AsyncIterable<Event>,
  isComplaint: (cause: unknown) => boolean,
): AsyncGenerator<Event, void, undefined> {
  try {
    yield* stream
  } catch (cause) {
    if (isComplaint(cause)) throw cause
    if (cause instanceof SyntaxError) {
      throw new BrokenStream('malformed_answer', 'the stream held an event that is not JSON.')
    }
    throw new BrokenStream('cut_stream', 'the connection was lost before the answer was whole.', cause)
  }
}
