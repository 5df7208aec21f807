/** Adds notes to a repository in a process of its own. Its first argument is JSON: root, scratch, project and commits. */
import { createGitStore } from '../../src/adapters/git/git-store.ts'

const { root, scratch, project, commits } = JSON.parse(process.argv[2] ?? '{}')
await using store = createGitStore({ root, scratch, allowedProtocols: [], allowedHosts: [] })
process.stdout.write('ready\n')
// All begin at once: when they are told to.
await new Promise((resolve) => process.stdin.once('data', resolve))
await Promise.all(
  commits.map((commit: string) => store.addNote(project, commit, Buffer.from(`note of ${commit}\n`), new Date(0))),
)
process.stdin.destroy()
