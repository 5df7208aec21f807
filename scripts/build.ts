import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bundle } from './bundle.ts'

// Writes the program to dist, which needs nothing of this folder but its dependencies: node scripts/build.ts [folder]
const out = process.argv[2] ?? join(fileURLToPath(new URL('..', import.meta.url)), 'dist')

rmSync(out, { recursive: true, force: true })
await bundle(out)
