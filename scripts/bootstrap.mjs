/**
 * Gets a clone ready: dependencies, the right Node, the tools. Runs before `npm start`, `demo`, `test` and `check`;
 * plain JavaScript for Node 18 and later, with nothing but Node's own modules. Silent and quick when all is there;
 * what it says goes to stderr, since stdout belongs to the command that follows.
 *
 *   node scripts/bootstrap.mjs [--sandbox] [--bench]
 *
 * `--sandbox` also installs bubblewrap where that can be done without asking, `--bench` what the benchmarks compare with.
 */
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { dependenciesAreInstalled, installDependencies, installScriptsAllowed } from './bootstrap/dependencies.mjs'
import { withLock } from './bootstrap/lock.mjs'
import { nodeIsRight, repairNode, wantedNode } from './bootstrap/node-version.mjs'
import { BootstrapError, say } from './bootstrap/run.mjs'
import { checkTools, installSandbox } from './bootstrap/tools.mjs'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const bench = join(root, 'bench')
const isBenchReady = () => !process.argv.includes('--bench') || dependenciesAreInstalled(bench)

try {
  if (!dependenciesAreInstalled(root) || !nodeIsRight(root) || !isBenchReady()) {
    await withLock(join(root, '.bootstrap.lock'), () => {
      // Another one may have done it while this one waited.
      if (!dependenciesAreInstalled(root)) {
        say('Installing the dependencies. This is done once and takes about a minute.')
        installDependencies(root)
      }
      // Node comes by such a script: without it, an earlier bootstrap was ended before it ran them.
      if (!nodeIsRight(root)) installScriptsAllowed(root)
      if (!nodeIsRight(root)) {
        say(`Getting Node ${wantedNode(root)} for this project.`)
        repairNode(root)
      }
      if (!isBenchReady()) {
        say('Installing what the benchmarks compare with. This is done once.')
        installDependencies(bench)
      }
    })
  }
  checkTools()
  if (process.argv.includes('--sandbox')) installSandbox()
} catch (error) {
  if (!(error instanceof BootstrapError)) throw error
  say(error.message)
  process.exitCode = 1
}
