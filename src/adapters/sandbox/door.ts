import type { LoopbackDoor } from '../../domain/ports/model-gateway.ts'
import type { SandboxCommand, SandboxLimits } from '../../domain/ports/sandbox.ts'
import { doorInNode, doorInPython } from './door-programs.ts'

/** Where a sandbox has the socket that its door leads to. */
export const INSIDE_SOCKET = '/run/models'

/** What the door may take of a sandbox's processes, threads included, beside the command's own. */
const DOOR_PROCESSES = 12

/** The limits of a command, and what its door takes beside it. */
export const withDoor = ({ limits, door }: Pick<SandboxCommand, 'limits' | 'door'>): SandboxLimits =>
  door === undefined ? limits : { ...limits, processes: limits.processes + DOOR_PROCESSES }

/** What is said when nothing in the sandbox can be the door. */
export const NO_DOOR = 'The way to models could not be opened: it needs python3 or node in the sandbox.'

const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`

/** A shell's script that becomes the door, for as long as the sandbox lasts. It says `ready` once it listens. */
export const doorScript = ({ port }: LoopbackDoor): string =>
  [
    `if command -v python3 >/dev/null; then exec python3 -I -S -c ${quoted(doorInPython)} ${port} ${INSIDE_SOCKET}`,
    `elif command -v node >/dev/null; then exec node -e ${quoted(doorInNode)} ${port} ${INSIDE_SOCKET}`,
    'fi',
  ].join('\n')
