import type { LoopbackDoor } from '../../domain/ports/model-gateway.ts'
import type { SandboxLimits } from '../../domain/ports/sandbox.ts'
import { fixedLimits } from './default-limits.ts'
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
const start = (limits: string) => `trap : INT
echo ready >&${READY}
exec ${REMOVALS}<&- ${READY}>&- 9>&2 2>/dev/null
(${limits} || exit 125; exec "$@" 2>&9 9>&-)
exit $?`

/** What a shell counts a file's size in, when it is called sh. */
const BLOCK = 512

/** By the shell itself, since a program that sets them would take as long as to make a namespace. Shells differ in one letter. */
const limitsOf = ({ fileBytes, processes }: FirstProcessPlan['limits']): string =>
  [
    'ulimit -c 0',
    `ulimit -n ${fixedLimits.openFiles}`,
    `ulimit -f ${Math.ceil(fileBytes / BLOCK)}`,
    `if [ -n "$BASH_VERSION" ]; then ulimit -u ${processes}; else ulimit -p ${processes}; fi`,
  ].join(' && ')

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
export function firstProcess({ hasRemovals, door, limits }: FirstProcessPlan): readonly string[] {
  const script = [
    ...(hasRemovals ? [REMOVE] : []),
    ...(door === undefined ? [] : [openDoor(door)]),
    start(limitsOf(limits)),
  ].join('\n')
  return ['/bin/sh', '-c', script, 'init']
}

interface FirstProcessPlan {
  /** The command's own. */
  readonly limits: Pick<SandboxLimits, 'fileBytes' | 'processes'>
  readonly hasRemovals: boolean
  readonly door: LoopbackDoor | undefined
}
