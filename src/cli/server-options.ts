import { Option } from 'commander'

/** Which server a client's command asks, and as whom; findAccess reads them. */
export interface ServerFlags {
  readonly url?: string
  readonly tokenFile?: string
}

export const urlOption = new Option('--url <url>', "the server's address")
export const tokenFileOption = new Option('--token-file <file>', 'a file with the API token to send')
