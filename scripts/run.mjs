/**
 * Runs the program as this folder has it: `node scripts/run.mjs [arguments]` is `countersign [arguments]`.
 *
 * To find, read and compile two thousand modules is most of what a start takes, so what runs is a bundle of them, in
 * node_modules/.cache. It is written again when a file has changed; where it cannot be, the source is run as it is.
 */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, utimesSync } from 'node:fs'
import module from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { isLeftBehind } from './left-behind.mjs'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const cache = join(root, 'node_modules', '.cache', 'countersign')

/** All that a bundle is made of. */
const sources = ['src', 'migrations', 'templates', 'prices.json', 'package.json', 'package-lock.json', 'scripts']

/** How many bundles are kept, used or not: those that were used last. */
const keptBundles = 4

/** A process touches its bundle this often, since it may still load a file of it. */
const touchEveryMs = 60_000
/** What was touched within this time is in use: a machine may be busy, or sleep for a while. */
const inUseMs = 10 * 60_000
/** Whoever begins to write one and has not ended by then was killed. */
const unfinishedMs = 60 * 60_000

/** A word for the files as they are now, by their names, sizes and times. */
const fingerprint = () => {
  const hash = createHash('sha256')
  /** @param {string} path */
  const add = (path) => {
    if (isLeftBehind(path)) return
    const found = statSync(join(root, path), { throwIfNoEntry: false })
    // An editor's lock that links to nothing, or what was removed just now.
    if (found === undefined) return
    if (found.isDirectory()) {
      for (const name of readdirSync(join(root, path)).sort()) add(join(path, name))
    } else hash.update(`${path}\0${found.size}\0${found.mtimeMs}\n`)
  }
  for (const source of sources) add(source)
  return hash.digest('hex').slice(0, 16)
}

/** @param {string} path */
const remove = (path) => {
  try {
    rmSync(path, { recursive: true, force: true })
  } catch {
    // It is another user's, who removes it if need be: it takes room and nothing else.
  }
}

/** @param {string} directory @throws Error when it cannot be written */
const write = (directory) => {
  const partial = `${directory}.${process.pid}`
  try {
    mkdirSync(cache, { recursive: true })
    // By a process of its own: what writes it is not to stay in this one's memory.
    const { status, error } = spawnSync(process.execPath, [join(root, 'scripts', 'build.ts'), partial], {
      stdio: ['ignore', 2, 2],
    })
    if (status !== 0) throw error ?? new Error(`scripts/build.ts ended with ${status}`)
    renameSync(partial, directory)
  } catch (error) {
    // Another process may have written the same meanwhile.
    if (!existsSync(directory)) throw error
  } finally {
    remove(partial)
  }
}

/** Removes bundles that nobody runs but for those that were used last, and what was begun and never ended. */
const removeOld = () => {
  const known = readdirSync(cache).flatMap((name) => {
    const found = /^[0-9a-f]{16}(\.\d+)?$/.exec(name) && statSync(join(cache, name), { throwIfNoEntry: false })
    return found ? [{ path: join(cache, name), isEnded: !name.includes('.'), ageMs: Date.now() - found.mtimeMs }] : []
  })
  const ended = known.filter(({ isEnded }) => isEnded).sort((a, b) => a.ageMs - b.ageMs)
  for (const { path, ageMs } of ended.slice(keptBundles)) if (ageMs > inUseMs) remove(path)
  for (const { path, ageMs, isEnded } of known) if (!isEnded && ageMs > unfinishedMs) remove(path)
}

/** Notes that it is used. @param {string} directory */
const touch = (directory) => {
  try {
    utimesSync(directory, new Date(), new Date())
  } catch {
    // It is another user's, who removes it if need be.
  }
}

/** The program's file: of the bundle, or of the source. */
const program = () => {
  try {
    const directory = join(cache, fingerprint())
    // Before it is looked for: whoever removes others now leaves it.
    touch(directory)
    if (!existsSync(directory)) {
      write(directory)
      removeOld()
    }
    setInterval(touch, touchEveryMs, directory).unref()
    if (module.getCompileCacheDir?.() === undefined) module.enableCompileCache?.(join(directory, 'compiled'))
    return join(directory, 'src', 'main.js')
  } catch (error) {
    process.stderr.write(`The source is run as it is, which is slower to start: ${error.message}\n`)
    return join(root, 'src', 'main.ts')
  }
}

const file = program()
// As if it had been called itself.
process.argv[1] = file
await import(pathToFileURL(file).href)
