import type { Cgroup } from './cgroup.ts'
import { fixedLimits } from './default-limits.ts'
import { allProcesses, isAlive, kill, killUntilNone, processTree } from './host-processes.ts'
import type { SandboxStatus } from './status.ts'

/** Ends everything that was started, in or on the way to the sandbox. */
export function createEnder(childPid: number | undefined, status: SandboxStatus, cgroup: Cgroup | null) {
  const left = () => {
    const init = status.init()
    if (init !== null) return [...(isAlive(init) ? [init.pid] : []), ...(cgroup?.members() ?? [])]
    if (cgroup !== null) return cgroup.members()
    return allProcesses()
      .filter(({ group, isZombie }) => group === childPid && !isZombie)
      .map(({ pid }) => pid)
  }
  let wanted = false
  return {
    /** Tells every process of the command to end, as a service manager does; a sandbox without any yet has none to tell. */
    ask() {
      const init = status.init()
      if (init === null || !isAlive(init)) return
      for (const { pid } of processTree(init.pid)) if (pid !== init.pid) kill(pid, 'SIGTERM')
    },
    kill() {
      if (wanted) return
      wanted = true
      // bubblewrap may not be killed before its child has tied itself to it; so the child is killed, once it is known.
      void status.begun.then(() => {
        const init = status.init()
        if (init !== null && isAlive(init)) kill(init.pid)
      })
      setTimeout(() => {
        if (status.init() === null) for (const pid of left()) kill(pid)
      }, 1_000).unref()
    },
    async clear() {
      await killUntilNone(left, fixedLimits.deathMs)
      await status.closed
    },
  }
}
