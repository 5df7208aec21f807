import { Command, InvalidArgumentError, Option } from 'commander'
import { type Pool, pools } from '../jobs/job.ts'
import { type DemoScenario, demoScenarios } from './demo/scenario.ts'
import { addReviewOptions, type GivenReviewFlags, reviewFlags } from './review/options.ts'
import type { ReviewFlags } from './review/request.ts'
import { type ServerFlags, tokenFileOption, urlOption } from './server-options.ts'

export interface CommonOptions {
  readonly json: boolean
  readonly quiet: boolean
}

/** What each command does, given its checked arguments. */
export interface Commands {
  start(options: CommonOptions): Promise<void>
  api(options: CommonOptions): Promise<void>
  worker(
    options: CommonOptions & { readonly pools: readonly Pool[]; readonly concurrency: number | undefined },
  ): Promise<void>
  migrate(options: CommonOptions): Promise<void>
  demo(options: CommonOptions & { readonly scenario: DemoScenario; readonly yes: boolean }): Promise<void>
  doctor(
    options: CommonOptions & { readonly url: string | undefined; readonly tokenFile: string | undefined },
  ): Promise<void>
  health(options: CommonOptions): Promise<void>
  export(options: CommonOptions & { readonly version: string; readonly directory: string }): Promise<void>
  fsck(options: CommonOptions & { readonly project: string | undefined }): Promise<void>
  backup(options: CommonOptions & { readonly path: string; readonly withSecrets: boolean }): Promise<void>
  restore(options: CommonOptions & { readonly path: string }): Promise<void>
  verify(
    options: CommonOptions & {
      readonly repository: string
      readonly commit: string | undefined
      readonly key: string
    },
  ): Promise<void>
  review(options: CommonOptions & { readonly flags: ReviewFlags }): Promise<void>
  mcp(
    options: CommonOptions & { readonly url: string | undefined; readonly tokenFile: string | undefined },
  ): Promise<void>
}

export interface ProgramStreams {
  readonly writeOut: (text: string) => void
  readonly writeErr: (text: string) => void
}

const maxConcurrency = 1_000

const concurrency = (text: string): number => {
  const value = Number(text)
  if (/^\d{1,4}$/.test(text) && value >= 1 && value <= maxConcurrency) return value
  throw new InvalidArgumentError(`It must be a whole number from 1 to ${maxConcurrency}.`)
}

const isPool = (name: string): name is Pool => (pools as readonly string[]).includes(name)

const collectPool = (name: string, before: readonly Pool[]): readonly Pool[] => {
  if (!isPool(name)) throw new InvalidArgumentError(`The pools are ${pools.join(', ')}.`)
  return before.includes(name) ? before : [...before, name]
}

interface Flags {
  readonly json?: boolean
  readonly quiet?: boolean
}

const common = ({ json = false, quiet = false }: Flags): CommonOptions => ({ json, quiet })

const environmentHelp = `
Everything else is set by environment variables: PORT, HOST, DATA_DIR,
DATABASE_URL, REDIS_URL, OPENAI_API_KEY, ANTHROPIC_API_KEY, ... NO_COLOR is
honoured. LOG_LEVEL=debug shows where an error comes from.

Exit codes: 0 done, 1 failed, 2 usage, 130 interrupted.`

const backupHelp = `
It may be made while the server works. It has all rows, all repositories and,
unless told otherwise, the secrets that DATA_DIR keeps: it is as secret as the
server. The queue is not in it, nor what can be made again.`

const restoreHelp = `
Everything is compared with its SHA-256 before anything is written. The
database and DATA_DIR have to be empty, and no process may use them: with
DATABASE_URL rows go to that server, without it to the embedded one. At the end
everything is checked as fsck does. Nothing is started.`

const verifyHelp = `
The key must come from elsewhere than the repository: ask the server for
\`{ signingKey { keyId publicKey } }\`, or run \`countersign doctor\` beside it.
Notes are not cloned by themselves; fetch them first:

  git fetch origin refs/notes/countersign:refs/notes/countersign

It needs git, and neither the server nor its database.`

const doctorHelp = `
Where a server runs on this machine, its components are asked as well. With
--url only that server is asked; its token is in --token-file or in
COUNTERSIGN_TOKEN. Keys of providers are tried by asking for their models.
It fails when something that is needed is missing.`

const mcpHelp = `
The agent's host starts it and speaks the Model Context Protocol with it. Give
the agent a token of its own: with --token-file, or in COUNTERSIGN_TOKEN. Hosts
that speak HTTP need no command: the server has the same tools at /mcp.`

/** The command line; it throws CommanderError instead of ending the process. */
export const createProgram = (commands: Commands, version: string, streams: ProgramStreams): Command => {
  const program = new Command('countersign')
    .description('Turns a task into a committed change that a person has countersigned.')
    .version(version)
    .helpCommand(false)
    .showHelpAfterError('Run it with --help to see what there is.')
    .addHelpText('after', environmentHelp)
    .configureOutput({ writeOut: streams.writeOut, writeErr: streams.writeErr })
    .exitOverride()
  const command = (name: string, description: string) =>
    program
      .command(name)
      .description(description)
      .option('--json', 'print JSON lines on stdout, and nothing else')
      .option('--quiet', 'print only what is needed')
      .allowExcessArguments(false)

  command('start', 'Run the API and all worker pools, with the sample project, until told to stop.').action(
    (flags: Flags) => commands.start(common(flags)),
  )
  command('api', 'Run the API alone.').action((flags: Flags) => commands.api(common(flags)))
  command('worker', 'Run worker pools alone.')
    .addOption(
      new Option('--pool <name>', `a pool to work for (${pools.join(', ')}); may be repeated`)
        .argParser(collectPool)
        .default([], 'all'),
    )
    .addOption(
      new Option('--concurrency <n>', 'how many jobs of each pool to do at once')
        .argParser(concurrency)
        .default(undefined, "each pool's own"),
    )
    .action((flags: Flags & { readonly pool: readonly Pool[]; readonly concurrency?: number }) =>
      commands.worker({ ...common(flags), pools: flags.pool, concurrency: flags.concurrency }),
    )
  command('migrate', 'Bring the database at DATABASE_URL to the newest migration.').action((flags: Flags) =>
    commands.migrate(common(flags)),
  )
  command('demo', 'Run a sample task up to its commit on a server of its own.')
    .addOption(
      new Option('--scenario <name>', 'a sprint from interview to verification, or a session with a coder')
        .choices(demoScenarios)
        .default('sprint'),
    )
    .option('--yes', 'countersign without asking')
    .action((flags: Flags & { readonly scenario: DemoScenario; readonly yes?: boolean }) =>
      commands.demo({ ...common(flags), scenario: flags.scenario, yes: flags.yes ?? false }),
    )
  command('doctor', 'Say what this machine and the server lack, and how to get it.')
    .addOption(urlOption)
    .addOption(tokenFileOption)
    .addHelpText('after', doctorHelp)
    .action((flags: Flags & ServerFlags) =>
      commands.doctor({ ...common(flags), url: flags.url, tokenFile: flags.tokenFile }),
    )
  command('health', 'Say whether the processes on this host work: the health check of a container.').action(
    (flags: Flags) => commands.health(common(flags)),
  )
  command('export', 'Write a version to a directory and check every file against its manifest.')
    .argument('<version>', "the version's id")
    .argument('<dir>', 'an empty directory, or one that is not there yet')
    .action((id: string, directory: string, flags: Flags) =>
      commands.export({ ...common(flags), version: id, directory }),
    )
  command('fsck', 'Check what is stored, rows and repositories, and say what to do about each fault.')
    .option('--project <id>', 'only this project')
    .action((flags: Flags & { readonly project?: string }) =>
      commands.fsck({ ...common(flags), project: flags.project }),
    )
  command('backup', 'Copy everything that is stored, as of one moment, into a directory or a file.')
    .argument('<path>', 'a new directory, or a new file when it ends with .tar.gz')
    .option('--without-secrets', 'leave out the keys and the token that DATA_DIR keeps')
    .addHelpText('after', backupHelp)
    .action((path: string, flags: Flags & { readonly withoutSecrets?: boolean }) =>
      commands.backup({ ...common(flags), path, withSecrets: !(flags.withoutSecrets ?? false) }),
    )
  command('restore', 'Put a backup into an empty database and an empty DATA_DIR.')
    .argument('<path>', 'the directory or file of a backup')
    .addHelpText('after', restoreHelp)
    .action((path: string, flags: Flags) => commands.restore({ ...common(flags), path }))
  command('verify', 'Prove by a clone alone that a commit is what people countersigned.')
    .argument('<repo>', 'a clone, its notes fetched')
    .argument('[commit]', 'a commit, branch or tag (default: what is checked out)')
    .requiredOption('--key <file|fingerprint>', "the server's public key in PEM, or its SHA-256")
    .addHelpText('after', verifyHelp)
    .action((repository: string, commit: string | undefined, flags: Flags & { readonly key: string }) =>
      commands.verify({ ...common(flags), repository, commit, key: flags.key }),
    )
  addReviewOptions(command('review', 'Read what waits for a person, and countersign it or send it back.')).action(
    (flags: Flags & GivenReviewFlags) => commands.review({ ...common(flags), flags: reviewFlags(flags) }),
  )
  command('mcp', "Give an agent a server's tools: MCP over stdin and stdout.")
    .addOption(urlOption)
    .addOption(tokenFileOption)
    .addHelpText('after', mcpHelp)
    .action((flags: Flags & ServerFlags) =>
      commands.mcp({ ...common(flags), url: flags.url, tokenFile: flags.tokenFile }),
    )
  return program
}
