import { execFile } from 'node:child_process'
import { chmodSync, closeSync, openSync, utimesSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { SYSTEM_PATH } from './find-program.ts'

const execute = promisify(execFile)

/**
 * Pipes that have no name on disk: descriptors of their places, by which their ends are opened again and again. To make
 * one takes a process, which for a large server costs more than all that a sandbox is made of.
 */
export interface FifoPlaces {
  take(): Promise<number>
  /** `isClean`: both ends are closed everywhere, so that the next one who takes it meets nobody. */
  giveBack(place: number, isClean: boolean): void
}

/** Linux's flag for a descriptor that is a place, and neither of a pipe's ends; Node has no name for it. */
const O_PATH = 0o10000000
const BATCH = 8
/** Writable for all, since a command may have another uid. */
const MODE = 0o622

/** Places that are kept for whoever comes next. Works on Linux alone. */
export function createFifoPlaces(): FifoPlaces {
  const idle: number[] = []
  return {
    async take() {
      for (;;) {
        const place = idle.pop()
        if (place !== undefined) return asNew(place)
        idle.push(...(await makePlaces()))
      }
    },
    giveBack(place, isClean) {
      if (isClean) idle.push(place)
      else closeSync(place)
    },
  }
}

/** Where commands run as the server's own user, the pipe was the last one's to close for others, or to leave marks on. */
function asNew(place: number): number {
  try {
    chmodSync(fifoAt(place), MODE)
    utimesSync(fifoAt(place), 0, 0)
    return place
  } catch (error) {
    closeSync(place)
    throw error
  }
}

/** The path by which an end of the pipe at a place is opened. */
export function fifoAt(place: number): string {
  return `/proc/self/fd/${place}`
}

async function makePlaces(): Promise<readonly number[]> {
  const directory = await mkdtemp(join(tmpdir(), 'countersign-channels-'))
  try {
    const paths = Array.from({ length: BATCH }, (_, index) => join(directory, String(index)))
    await makeFifos(paths)
    return paths.map((path) => openSync(path, O_PATH))
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

export async function makeFifos(paths: readonly string[]): Promise<void> {
  await execute('mkfifo', ['-m', MODE.toString(8), ...paths], { env: { PATH: SYSTEM_PATH } })
}
