import { chmodSync, statSync, utimesSync } from 'node:fs'
import { expect, it } from 'vitest'
import { createFifoPlaces, fifoAt } from '../../src/adapters/sandbox/fifo-places.ts'

it.skipIf(process.platform !== 'linux')(
  'a pipe that a command closed for others, or left a mark on, is as new for the next',
  async () => {
    const places = createFifoPlaces()
    const shown = (place: number) => {
      const { ino, mode, atimeMs, mtimeMs } = statSync(fifoAt(place))
      return { ino, mode: mode & 0o777, atimeMs, mtimeMs }
    }
    const place = await places.take()
    const asMade = shown(place)
    expect(asMade).toMatchObject({ mode: 0o622 })
    chmodSync(fifoAt(place), 0)
    utimesSync(fifoAt(place), 981_173_106, 981_173_106)
    places.giveBack(place, true)
    const again = await places.take()
    expect(shown(again)).toEqual(asMade)
    places.giveBack(again, false)
  },
)
