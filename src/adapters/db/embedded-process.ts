import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'

/** The numbers a process runs under. */
export interface Identity {
  readonly uid: number
  readonly gid: number
}

/** All that the database's processes see of our environment: the server's keys are not among it. */
export const databaseEnvironment = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/run/current-system/sw/bin',
  LC_ALL: 'C',
  TZ: 'UTC',
}

/**
 * Runs a program to its end, as another user when `identity` is given, and answers what it wrote to stdout.
 * @throws Error with the program's own words when it could not be started or did not exit with 0
 */
export async function runAs(identity: Identity | null, file: string, args: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(file, args, {
    ...(identity ?? {}),
    cwd: '/',
    env: databaseEnvironment,
    maxBuffer: 4 * 1024 * 1024,
  })
  return stdout
}

/** When a process began, in a word that no later process with the same number shares; null when it is not running. */
export async function processStart(pid: number): Promise<string | null> {
  if (process.platform !== 'linux') return (await psField(pid, 'lstart'))?.replaceAll(' ', '_') ?? null
  const fields = statFields(pid)
  const isZombie = fields?.[0] === 'Z' || fields?.[0] === 'X'
  return isZombie ? null : (fields?.[19] ?? null)
}

/** The number of a running process's parent; null when it is not running. Only where there is a /proc. */
export async function parentOf(pid: number): Promise<number | null> {
  const fields = statFields(pid)
  return fields === null ? null : Number(fields[1])
}

/** What /proc/<pid>/stat says from the state on: the command name before it may hold blanks and brackets. */
function statFields(pid: number): string[] | null {
  const text = readProc(pid, 'stat')
  return text === null ? null : text.slice(text.lastIndexOf(')') + 2).split(' ')
}

/** The command line of a running process, its words joined by blanks; null when it is not running. */
export async function commandLine(pid: number): Promise<string | null> {
  if (process.platform !== 'linux') return await psField(pid, 'command')
  return readProc(pid, 'cmdline')?.replaceAll('\0', ' ') || null
}

function readProc(pid: number, name: string): string | null {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8')
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ESRCH')) return null
    throw error
  }
}

async function psField(pid: number, field: string): Promise<string | null> {
  try {
    const text = await runAs(null, 'ps', ['-ww', '-o', `${field}=`, '-p', String(pid)])
    return text.trim().replace(/\s+/g, ' ') || null
  } catch (error) {
    // ps exits with 1 when there is no such process.
    if (hasCode(error, 1)) return null
    throw error
  }
}

/** Sends a signal, or with 0 only looks; false when there is no such process. */
export function signalProcess(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(pid, signal)
    return true
  } catch (error) {
    if (hasCode(error, 'ESRCH')) return false
    if (signal === 0 && hasCode(error, 'EPERM')) return true
    throw error
  }
}

/** Looks every 20 ms whether the condition holds; false when it did not within the time (milliseconds). */
export async function holdsWithin(milliseconds: number, condition: () => Promise<boolean>): Promise<boolean> {
  const deadline = Date.now() + milliseconds
  for (;;) {
    if (await condition()) return true
    if (Date.now() >= deadline) return false
    await delay(20)
  }
}

/** True for a system or child-process error with one of these codes. */
export function hasCode(error: unknown, ...codes: readonly (string | number)[]): boolean {
  return error instanceof Error && 'code' in error && codes.includes(error.code as string | number)
}
