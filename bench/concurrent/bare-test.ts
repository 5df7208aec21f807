import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { timed } from '../harness/paired.ts'
import { pathOfInterpreters } from '../harness/programs.ts'
import { median } from '../harness/statistics.ts'

const files = {
  'hello.py': 'print("hello world")\n',
  'test_hello.py': `import unittest


class HelloTest(unittest.TestCase):
    def test_imports(self):
        import hello  # noqa: F401
`,
}

/** How long a test as the sprints run it takes with nothing around it, each time on new files; in milliseconds. */
export const bareTestMs = async (directory: string, times: number): Promise<number> => {
  const PATH = await pathOfInterpreters()
  const taken: number[] = []
  for (let time = 0; time < times; time += 1) {
    const place = join(directory, `bare-${time}`)
    await mkdir(place)
    for (const [name, content] of Object.entries(files)) await writeFile(join(place, name), content)
    const ms = await timed(async () => {
      const child = spawn('python3', ['-m', 'unittest', '-v'], {
        cwd: place,
        env: { PATH, HOME: place, LANG: 'C.UTF-8' },
        stdio: 'ignore',
      })
      const [code] = await once(child, 'close')
      if (code !== 0) throw new Error(`The bare test ended with ${code}.`)
    })
    taken.push(ms)
    await rm(place, { recursive: true })
  }
  return median(taken)
}
