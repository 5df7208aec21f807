import { readdirSync, readFileSync } from 'node:fs'
import pg from 'pg'
import { cpuMsOfProcess } from '../harness/cpu.ts'

const parentOf = (pid: string): string | undefined => {
  try {
    return /^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  } catch {
    // It ended meanwhile.
    return undefined
  }
}

/**
 * The milliseconds of CPU that a PostgreSQL on this machine has had, all its processes, those that have ended too. Whoever
 * asks takes a connection's worth of it.
 */
export const databaseCpuMs = async (databaseUrl: string): Promise<number> => {
  const client = new pg.Client(databaseUrl)
  await client.connect()
  const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid')
  const postmaster = parentOf(String(rows[0]?.pid))
  await client.end()
  if (postmaster === undefined) throw new Error('The database is on another machine.')
  const children = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && parentOf(name) === postmaster)
  return children.reduce((sum, pid) => sum + cpuOrNone(Number(pid)), cpuMsOfProcess(Number(postmaster), true))
}

const cpuOrNone = (pid: number): number => {
  try {
    return cpuMsOfProcess(pid)
  } catch {
    return 0
  }
}
