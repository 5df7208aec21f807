import type { Command } from 'commander'
import { tokenFileOption, urlOption } from '../server-options.ts'
import type { ReviewFlags } from './request.ts'

/** Only those that were given. */
export type GivenReviewFlags = { readonly [Name in keyof ReviewFlags]?: Exclude<ReviewFlags[Name], undefined> }

const help = `
On a terminal, without any of these, it shows the queue, and the keys below it.
A verdict is on exactly what was shown: --seen takes the hashes that --review ID
prints at its end. Without the third the message may be another.

The server on this machine is asked as its administrator. For another one give
--url and --token-file, or set COUNTERSIGN_URL and COUNTERSIGN_TOKEN.`

export const addReviewOptions = (command: Command): Command =>
  command
    .option('--list', 'print what waits, and end')
    .option('--order <order>', 'risk: the worst first (default), or age: the oldest')
    .option('--review <id>', 'this diff; printed where there is no terminal')
    .option('--approve', 'approve what was seen')
    .option('--reject', 'reject what was seen, with feedback')
    .option('--seen <hashes>', 'what the verdict is on: CONTENT:EVALUATION:MESSAGE')
    .option('--message <text>', 'the feedback or remark; - reads it from stdin')
    .option('--comment <path:line>', 'draft a remark (path:-line: as it was before)')
    .option('--keep <hunks>', 'keep these hunks alone, like 0,2-4 (f0: no hunks)')
    .option('--run-tests', 'run its tests')
    .option('--commit', 'commit it once it is approved')
    .addOption(urlOption)
    .addOption(tokenFileOption)
    .option('--plain', 'ask line by line and redraw nothing')
    .addHelpText('after', help)

export const reviewFlags = (given: GivenReviewFlags): ReviewFlags => ({
  list: given.list ?? false,
  order: given.order,
  review: given.review,
  url: given.url,
  tokenFile: given.tokenFile,
  plain: given.plain ?? false,
  approve: given.approve ?? false,
  reject: given.reject ?? false,
  runTests: given.runTests ?? false,
  commit: given.commit ?? false,
  keep: given.keep,
  comment: given.comment,
  seen: given.seen,
  message: given.message,
})
