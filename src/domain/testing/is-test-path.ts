/** Names that are tests, or decide how tests run: what a coder could bend. Data; one pattern a line. */
const testPaths: readonly RegExp[] = [
  /(^|\/)tests?\//,
  /(^|\/)__(tests|snapshots)__\//,
  /(^|\/)test_[^/]*\.py$/,
  /(^|\/)tests?\.py$/,
  /_test\.(py|go|rb)$/,
  /\.(test|spec)\.[cm]?[jt]sx?$/,
  // Names that `node --test` looks for.
  /(^|[-_/])test\.[cm]?[jt]s$/,
  /(^|\/)test-[^/]*\.[cm]?[jt]s$/,
  /(^|\/)conftest\.py$/,
  /(^|\/)\.?(pytest|tox|setup)\.(ini|cfg|toml)$/,
  /(^|\/)(setup|noxfile)\.py$/,
  // The project's root comes first on Python's path: such a module takes the runner's place.
  /(^|\/)(_?pytest|unittest)(\.py$|\/)/,
  /(^|\/)pyproject\.toml$/,
  /(^|\/)(sitecustomize|usercustomize)\.py$/,
  /\.pth$/,
  /(^|\/)package\.json$/,
  // It can name the shell that runs the scripts, and options of every node.
  /(^|\/)\.npmrc$/,
  // The runner itself.
  /(^|\/)node_modules\/(\.bin|ava|jest|mocha|vitest)\//,
  /(^|\/)(vite|vitest|jest|karma|playwright)\.(config|workspace)\.[^/]+$/,
  /(^|\/)\.mocharc[^/]*$/,
  /(^|\/)(Makefile|makefile|GNUmakefile)$/,
]

/** Whether a change to this file could change what the tests say without changing the code. */
export const isTestPath = (path: string): boolean => testPaths.some((pattern) => pattern.test(path))
