import { homedir } from 'node:os'
import { join } from 'node:path'
import { isDirectory } from './check-command.ts'
import type { LayeredDirectory } from './stage.ts'
import { isWithin } from './toolchains.ts'

const LAYERED = ['/usr', '/opt', '/etc/alternatives'] as const
/** Shown to no command without a layer, nor to those that made it: with one, the layer's alone is. */
const UNSHOWN = '/opt'

/**
 * What a project environment has for the system's own directories. A link in the place of one is none.
 * @param hidden directories of the host that are never shown: where one is below such a directory, only the layer's part
 * of that is shown
 */
export function layeredSystem(layer: string | null, hidden: readonly string[]): readonly LayeredDirectory[] {
  if (layer === null) return []
  const secrets = [homedir(), ...hidden]
  return LAYERED.filter((target) => isLayered(layer, target)).map((target) => {
    const isShown = target !== UNSHOWN && isDirectory(target) && !secrets.some((secret) => isWithin(secret, target))
    return { target, over: join(layer, 'system', target), machine: isShown ? target : null }
  })
}

function isLayered(layer: string, target: string): boolean {
  const names = ['system', ...target.split('/').filter(Boolean)]
  return names.every((_, index) => isDirectory(join(layer, ...names.slice(0, index + 1))))
}
