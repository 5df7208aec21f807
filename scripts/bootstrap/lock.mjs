import { linkSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { say } from './run.mjs'

/** After this long (milliseconds) a lock is nobody's, even if its process number is in use again. */
const oldestLock = 30 * 60_000

/**
 * Does the work while no other process does any under the same lock file; waits for one that does. The lock of a
 * process that is gone is taken over.
 * @param {string} file
 * @param {() => void} work
 */
export async function withLock(file, work) {
  let hasSaidSo = false
  while (!takeLock(file)) {
    const holder = read(file)
    if (holder !== null && isStale(file, holder)) {
      removeStale(file, holder)
      continue
    }
    if (!hasSaidSo) say(`Waiting for process ${holder ?? ''}, which is installing the dependencies.`)
    hasSaidSo = true
    await delay(100)
  }
  try {
    work()
  } finally {
    rmSync(file, { force: true })
  }
}

/** A link appears whole: nobody reads a lock without its process number. @param {string} file */
function takeLock(file) {
  const own = `${file}.${process.pid}`
  writeFileSync(own, String(process.pid))
  try {
    linkSync(own, file)
    return true
  } catch (error) {
    if (error.code === 'EEXIST') return false
    throw error
  } finally {
    rmSync(own, { force: true })
  }
}

/** @param {string} file */
function read(file) {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    if (error.code === 'ENOENT') return null
    throw error
  }
}

/** @param {string} file @param {string} holder */
function isStale(file, holder) {
  const age = Date.now() - (statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? Date.now())
  if (age > oldestLock) return true
  try {
    process.kill(Number(holder), 0)
    return false
  } catch (error) {
    return error.code === 'ESRCH'
  }
}

/** @param {string} file @param {string} holder */
function removeStale(file, holder) {
  const aside = `${file}.${process.pid}.stale`
  try {
    renameSync(file, aside)
    // Somebody may have taken the lock since it was read: then it goes back.
    if (readFileSync(aside, 'utf8') !== holder) linkSync(aside, file)
  } catch (error) {
    if (error.code !== 'ENOENT' && error.code !== 'EEXIST') throw error
  } finally {
    rmSync(aside, { force: true })
  }
}
