import { existsSync, readFileSync } from 'node:fs'

const SETTINGS = '/proc/sys'
const CONTAINER_MARKS = ['/.dockerenv', '/run/.containerenv'] as const

/** What a machine says of its rules for namespaces. */
export interface NamespaceRules {
  /** A kernel setting's text, such as `kernel/unprivileged_userns_clone`; null where there is none. */
  setting(name: string): string | null
  readonly isContainer: boolean
}

const thisMachine: NamespaceRules = {
  setting(name) {
    try {
      return readFileSync(`${SETTINGS}/${name}`, 'utf8').trim()
    } catch {
      // Each of them exists on some kernels only.
      return null
    }
  },
  isContainer: CONTAINER_MARKS.some((path) => existsSync(path)),
}

/** How to let bubblewrap make namespaces on this machine, by what forbids them here. */
export function namespaceRemedy(bubblewrap: string, rules: NamespaceRules = thisMachine): string {
  const found = [
    ...(rules.setting('kernel/apparmor_restrict_unprivileged_userns') === '1' ? [appArmor(bubblewrap)] : []),
    ...(rules.setting('kernel/unprivileged_userns_clone') === '0'
      ? [setting('kernel.unprivileged_userns_clone=1')]
      : []),
    ...(rules.setting('user/max_user_namespaces') === '0' ? [setting('user.max_user_namespaces=15000')] : []),
    ...(rules.isContainer
      ? [
          'start this container with a seccomp profile that allows clone, unshare, mount and pivot_root, and with ' +
            '--security-opt systempaths=unconfined --security-opt apparmor=unconfined',
        ]
      : []),
  ]
  const kernel = 'boot a kernel with user namespaces (CONFIG_USER_NS)'
  return `${found.length === 0 ? kernel : found.join('; and ')}; or install Docker and set SANDBOX=docker`
}

/** Ubuntu from 23.10 on: programs without a profile of their own get namespaces without rights in them. */
function appArmor(bubblewrap: string): string {
  const profile = `abi <abi/4.0>,\\ninclude <tunables/global>\\nprofile bwrap ${bubblewrap} flags=(unconfined) {\\n  userns,\\n}\\n`
  return (
    `give bubblewrap an AppArmor profile: printf '${profile}' | sudo tee /etc/apparmor.d/bwrap && ` +
    'sudo systemctl reload apparmor (or, for every program: ' +
    'sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0)'
  )
}

function setting(assignment: string): string {
  return `sudo sysctl -w ${assignment} (and write it to /etc/sysctl.d/60-countersign.conf, to keep it)`
}
