import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { containerSeccompProfile } from './container-seccomp.ts'

// Writes the system-call filter of the server's containers: node scripts/print-container-seccomp.ts
const file = fileURLToPath(new URL('../ops/seccomp.json', import.meta.url))
writeFileSync(file, `${JSON.stringify(containerSeccompProfile(), null, 2)}\n`)
