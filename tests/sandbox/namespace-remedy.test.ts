import { expect, it } from 'vitest'
import { namespaceRemedy } from '../../src/adapters/sandbox/namespace-remedy.ts'

const machine = (settings: Readonly<Record<string, string>>, isContainer = false) => ({
  setting: (name: string) => settings[name] ?? null,
  isContainer,
})

it('names the profile that bubblewrap needs where AppArmor restricts namespaces, with its own path', () => {
  const remedy = namespaceRemedy('/opt/bin/bwrap', machine({ 'kernel/apparmor_restrict_unprivileged_userns': '1' }))
  expect(remedy).toContain('profile bwrap /opt/bin/bwrap flags=(unconfined)')
  expect(remedy).toContain('/etc/apparmor.d/bwrap')
  expect(remedy).toContain('sudo systemctl reload apparmor')
  expect(remedy).not.toContain('unprivileged_userns_clone')
})

it.each([
  [{ 'kernel/unprivileged_userns_clone': '0' }, false, 'sysctl -w kernel.unprivileged_userns_clone=1'],
  [{ 'user/max_user_namespaces': '0' }, false, 'sysctl -w user.max_user_namespaces='],
  [{}, true, 'start this container with a seccomp profile'],
  [{}, false, 'CONFIG_USER_NS'],
] as const)('says what to change for %j (container: %s), and the other driver', (settings, isContainer, expected) => {
  const remedy = namespaceRemedy('/usr/bin/bwrap', machine(settings, isContainer))
  expect(remedy).toContain(expected)
  expect(remedy).toContain('SANDBOX=docker')
  expect(remedy).not.toContain('AppArmor profile')
})
