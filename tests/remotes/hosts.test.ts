import { expect, it } from 'vitest'
import { parseRemoteUrl, resolveRemote } from '../../src/adapters/git/remote-url.ts'
import { readConfig } from '../../src/config.ts'
import { SourceRejectedError } from '../../src/domain/errors.ts'

const rulesOf = (hosts: string | undefined) => ({
  allowedProtocols: ['https'],
  allowedHosts: readConfig({ GIT_ALLOWED_HOSTS: hosts }).gitAllowedHosts,
  allowPrivateHosts: false,
})

const resolved = async (host: string, hosts: string | undefined) =>
  resolveRemote(parseRemoteUrl(`https://${host}/x.git`, rulesOf(hosts)), rulesOf(hosts))

it.each([
  ['localhost', 'localhost'],
  ['127.0.0.1', '127.0.0.1'],
  ['[::1]', '::1'],
  ['10.1.2.3', 'git.example.com, 10.1.2.3'],
  ['git.localhost', 'Git.LocalHost'],
])('the host %s may be private when the configuration names it: %s', async (host, hosts) => {
  expect(await resolved(host, hosts)).toEqual({ addresses: [] })
})

it.each([
  ['127.0.0.1', 'localhost', /public|not allowed/],
  ['10.1.2.4', '10.1.2.3', /public|not allowed/],
  ['localhost', undefined, /public/],
  ['127.0.0.1', '', /public/],
])('the host %s stays refused where the configuration names %s', async (host, hosts, message) => {
  await expect(resolved(host, hosts)).rejects.toThrow(SourceRejectedError)
  await expect(resolved(host, hosts)).rejects.toThrow(message)
})
