/** The port to the files of trees on this machine's disk. */
export interface Checkouts {
  /**
   * Hands out a directory with a tree's files, which all who ask for that tree share and nobody may write. It is made at
   * the first use, and stays for as long as `use` runs.
   */
  with<Result>(projectId: string, tree: string, use: (directory: string) => Promise<Result>): Promise<Result>
}
