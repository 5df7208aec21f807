import { imageName } from '../../domain/environment/image-name.ts'
import { type DockerEngine, faultOf } from './docker-engine.ts'

/** @throws TypeError for a text that names no image */
export function checkImageName(image: string): void {
  if (imageName.test(image)) return
  throw new TypeError(`"${image.slice(0, 100)}" is no name of an image.`)
}

/**
 * Why commands cannot be run in an image, and what to do about it; null when they can. An image is never fetched:
 * what runs here is what an administrator has put here.
 * @throws SandboxUnavailableError when the engine cannot be asked
 */
export async function imageFault(
  engine: DockerEngine,
  image: string,
): Promise<{ readonly reason: string; readonly remedy: string } | null> {
  const { status, body } = await engine.ask('GET', `/images/${image}/json`)
  if (status === 404) return { reason: `The image ${image} is not on this machine.`, remedy: `docker pull ${image}` }
  if (status >= 400) {
    return { reason: `The image ${image} cannot be used: ${faultOf(body)}.`, remedy: `docker image inspect ${image}` }
  }
  const volumes = Object.keys((body as { Config?: { Volumes?: object | null } }).Config?.Volumes ?? {})
  if (volumes.length === 0) return null
  return {
    reason: `The image ${image} declares volumes (${volumes.join(', ')}), where commands could write without a limit.`,
    remedy: 'use an image without VOLUME',
  }
}
