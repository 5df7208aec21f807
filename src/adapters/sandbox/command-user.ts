/** A user of the machine, by number: in a container it need not have a name. */
export interface CommandUser {
  readonly uid: number
  readonly gid: number
}

/** Whom root becomes: as root, no process limit would bind, and a way out of the sandbox would lead to root. */
export const NOBODY: CommandUser = { uid: 65_534, gid: 65_534 }

/** To whom the files that commands work on have to be given; null where commands run as the server's own user. */
export function commandUser(): CommandUser | null {
  return process.getuid?.() === 0 ? NOBODY : null
}
