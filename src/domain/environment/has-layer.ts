import { SandboxUnavailableError } from '../errors.ts'
import type { Services } from '../shared/services.ts'

/**
 * Whether an environment's layer is there. Where the sandbox cannot be asked just now it is taken for there: then the run
 * that needs it says why it cannot be had, and nothing is built a second time for that.
 */
export const hasLayer = async (
  { sandbox, layerDirectory }: Pick<Services, 'sandbox' | 'layerDirectory'>,
  hash: string,
): Promise<boolean> => {
  try {
    return await sandbox.hasLayer(layerDirectory(hash))
  } catch (error) {
    if (error instanceof SandboxUnavailableError) return true
    throw error
  }
}
