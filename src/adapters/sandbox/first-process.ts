import type { LoopbackDoor } from '../../domain/ports/model-gateway.ts'
import { doorScript, NO_DOOR } from './door.ts'

/** The descriptors of the sandbox's first process beside the usual three; a shell knows single digits. */
export const REMOVALS = 6
export const READY = 7

/**
 * The sandbox's first process: it takes out of the workspace what the command is not to find, says that it is ready,
 * starts the command, reaps orphans, and ends with the command's status, and all others with it. It keeps one harmless
 * capability, so that the command, which has none, may not touch its memory: bubblewrap's own first process keeps none,
 * and a command could write any status into it. A shell obeys SIGINT unless it is told otherwise, and its remarks on
 * signals are not the command's.
 */
const START = `trap : INT
echo ready >&${READY}
exec ${REMOVALS}<&- ${READY}>&- 9>&2 2>/dev/null
(exec "$@" 2>&9 9>&-)
exit $?`

const REMOVE = `xargs -0 rm -rf -- <&${REMOVALS} || exit 125`

/**
 * The door runs with the first process's capability, and so out of the command's reach but for its end. Its output is
 * closed when it listens.
 */
const openDoor = (
  door: LoopbackDoor,
) => `ready=$( (${doorScript(door)}) </dev/null 2>/dev/null ${REMOVALS}<&- ${READY}>&- &)
[ "$ready" = ready ] || { echo '${NO_DOOR}' >&2; exit 125; }`

/** The arguments with which the first process is started, up to and without the command. */
export function firstProcess({ hasRemovals, door }: FirstProcessPlan): readonly string[] {
  const script = [...(hasRemovals ? [REMOVE] : []), ...(door === undefined ? [] : [openDoor(door)]), START].join('\n')
  return ['/bin/sh', '-c', script, 'init']
}

interface FirstProcessPlan {
  readonly hasRemovals: boolean
  readonly door: LoopbackDoor | undefined
}
