import { execFileSync } from 'node:child_process'
import { chmodSync, cpSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

// Compiles src and migrations to dist, with what they read beside them, so that dist needs nothing of this folder but
// its dependencies: node scripts/build.ts [folder]
const root = fileURLToPath(new URL('..', import.meta.url))
const out = process.argv[2] ?? join(root, 'dist')

rmSync(out, { recursive: true, force: true })
const compiler = join(root, 'node_modules/typescript/bin/tsc')
execFileSync(process.execPath, [compiler, '--project', join(root, 'tsconfig.build.json'), '--outDir', out], {
  stdio: 'inherit',
})
for (const name of ['templates', 'prices.json']) {
  cpSync(join(root, name), join(out, name), {
    recursive: true,
    // What running a template's own tests leaves behind is none of it.
    filter: (path) => !/\/(__pycache__|node_modules)$/.test(path),
  })
}
chmodSync(join(out, 'src/main.js'), 0o755)
