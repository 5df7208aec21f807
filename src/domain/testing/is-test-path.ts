/** Names that are tests, or decide how tests run: what a coder could bend. Data; one pattern a line. */
const testPaths: readonly RegExp[] = [
  /(^|\/)tests?\//,
  /(^|\/)__tests__\//,
  /(^|\/)test_[^/]*\.py$/,
  /_test\.(py|go|rb)$/,
  /\.(test|spec)\.[cm]?[jt]sx?$/,
  /(^|\/)conftest\.py$/,
  /(^|\/)(pytest|tox|setup)\.(ini|cfg)$/,
  /(^|\/)pyproject\.toml$/,
  /(^|\/)(sitecustomize|usercustomize)\.py$/,
  /\.pth$/,
  /(^|\/)package\.json$/,
  /(^|\/)(vitest|jest|karma|playwright)\.config\.[^/]+$/,
  /(^|\/)\.mocharc[^/]*$/,
  /(^|\/)Makefile$/,
]

/** Whether a change to this file could change what the tests say without changing the code. */
export const isTestPath = (path: string): boolean => testPaths.some((pattern) => pattern.test(path))
