import type { GitStore } from '../ports/git-store.ts'
import type { ProjectRow } from '../project/project.entity.ts'
import type { Services } from '../shared/services.ts'
import { projectTestCases } from './open-test-run.ts'
import { simpleWords } from './runners/simple-words.ts'

/** A test case that a project could have, going by its files. */
export interface ProposedTestCase {
  readonly name: string
  readonly command: readonly string[]
  /** What in the tree speaks for it. */
  readonly reason: string
}

/** What is looked at of a tree: the paths of its files, and some of their texts. */
export interface TreeLook {
  readonly paths: readonly string[]
  /** Null when there is no such file, or it is not text of a reasonable size. */
  read(path: string): Promise<string | null>
}

const linkMode = '120000'
const maxTextBytes = 500_000
/** Of the test files that could say which runner they are for, as many are read. */
const maxSamples = 20
const maxDiscoveries = 5

const isInstalled = (path: string): boolean =>
  /(^|\/)(node_modules|site-packages|vendor|\.?venv|\.tox|dist|build)\//.test(path)
const pythonTest = /(^|\/)(test_[^/]*|[^/]*_test)\.py$/
/** What unittest finds by itself. */
const discovered = /(^|\/)test[^/]*\.py$/
const scriptTest = /\.(test|spec)\.[cm]?[jt]sx?$|(^|\/)test\/[^/]+\.[cm]?[jt]s$/

const anyMatches = async (look: TreeLook, paths: readonly string[], pattern: RegExp): Promise<string | undefined> => {
  for (const path of paths.slice(0, maxSamples)) if (pattern.test((await look.read(path)) ?? '')) return path
  return undefined
}

const pytestSettings: readonly (readonly [path: string, pattern: RegExp])[] = [
  ['pytest.ini', /^\[pytest\]/m],
  ['.pytest.ini', /^\[pytest\]/m],
  ['pyproject.toml', /^\[tool\.pytest|^\s*["']?pytest\b/m],
  ['tox.ini', /^\[pytest\]/m],
  ['setup.cfg', /^\[tool:pytest\]/m],
  ['requirements-dev.txt', /^pytest\b/m],
  ['requirements.txt', /^pytest\b/m],
]

const pytestEvidence = async (look: TreeLook, tests: readonly string[]): Promise<string | undefined> => {
  for (const [path, pattern] of pytestSettings) {
    if (look.paths.includes(path) && pattern.test((await look.read(path)) ?? '')) return `${path} speaks of pytest`
  }
  const hooks = look.paths.find((path) => /(^|\/)conftest\.py$/.test(path) && !isInstalled(path))
  if (hooks !== undefined) return `there is ${hooks}`
  const imports = await anyMatches(look, tests, /^\s*(import pytest|from pytest\b)/m)
  return imports && `${imports} imports pytest`
}

/** From where unittest finds a test: the first directory above it that is no package. */
const startDirectory = (paths: ReadonlySet<string>, test: string): string => {
  const names = test.split('/').slice(0, -1)
  while (names.length > 0 && paths.has(`${names.join('/')}/__init__.py`)) names.pop()
  return names.join('/')
}

const proposePython = async (look: TreeLook): Promise<readonly ProposedTestCase[]> => {
  const tests = look.paths.filter((path) => pythonTest.test(path) && !isInstalled(path))
  const evidence = await pytestEvidence(look, tests)
  if (evidence) return [{ name: 'pytest', command: ['python3', '-m', 'pytest'], reason: evidence }]
  const own = tests.filter((path) => discovered.test(path))
  const imports = await anyMatches(look, own, /^\s*(import unittest|from unittest\b)/m)
  if (imports === undefined) {
    const [first] = tests
    return first ? [{ name: 'pytest', command: ['python3', '-m', 'pytest'], reason: `there is ${first}` }] : []
  }
  const paths = new Set(look.paths)
  const directories = new Set(own.map((path) => startDirectory(paths, path)))
  return [...directories].slice(0, maxDiscoveries).map((directory) => ({
    name: directory === '' ? 'unittest' : `unittest in ${directory}`,
    command: [
      ...['python3', '-m', 'unittest', 'discover', '-v'],
      ...(directory === '' ? [] : [`--start-directory=${directory}`]),
    ],
    reason: `${imports} imports unittest`,
  }))
}

interface PackageFile {
  readonly testScript: string | null
  readonly dependencies: ReadonlySet<string>
}

const readPackage = async (look: TreeLook): Promise<PackageFile | null> => {
  const text = look.paths.includes('package.json') ? await look.read('package.json') : null
  if (text === null) return null
  let found: unknown
  try {
    found = JSON.parse(text)
  } catch {
    // A tree may have any file of this name.
    return null
  }
  const object = (value: unknown): Readonly<Record<string, unknown>> =>
    typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  const { scripts, dependencies, devDependencies } = object(found)
  const { test } = object(scripts)
  return {
    testScript: typeof test === 'string' && !test.includes('no test specified') ? test : null,
    dependencies: new Set([...Object.keys(object(dependencies)), ...Object.keys(object(devDependencies))]),
  }
}

const proposeScripts = async (look: TreeLook): Promise<readonly ProposedTestCase[]> => {
  const description = await readPackage(look)
  if (description?.testScript) {
    const reason = `package.json has the test script ${JSON.stringify(description.testScript)}`
    // Named in full, the command is no longer the tree's to choose.
    const words = simpleWords(description.testScript)
    if (words?.[0] === 'node') return [{ name: words.slice(0, 2).join(' '), command: words, reason }]
    return [{ name: 'npm test', command: ['npm', 'test'], reason }]
  }
  if (description?.dependencies.has('vitest')) {
    return [{ name: 'vitest', command: ['npx', 'vitest', 'run'], reason: 'package.json depends on vitest' }]
  }
  const tests = look.paths.filter((path) => scriptTest.test(path) && !isInstalled(path))
  const imports = await anyMatches(look, tests, /['"]node:test['"]/)
  return imports ? [{ name: 'node --test', command: ['node', '--test'], reason: `${imports} imports node:test` }] : []
}

/** The test cases that a tree speaks for: at the root, for Python and for JavaScript and TypeScript. */
export const proposeTestCases = async (look: TreeLook): Promise<readonly ProposedTestCase[]> => [
  ...(await proposePython(look)),
  ...(await proposeScripts(look)),
]

const lookAtTree = async (git: GitStore, projectId: string, treeish: string): Promise<TreeLook> => {
  const files = await git.listFiles(projectId, treeish)
  const regular = new Map(
    files.filter(({ kind, mode }) => kind === 'blob' && mode !== linkMode).map((file) => [file.path, file]),
  )
  return {
    paths: [...regular.keys()].sort(),
    async read(path) {
      const file = regular.get(path)
      if (!file || (file.size ?? 0) > maxTextBytes) return null
      return (await git.readBlob(projectId, file.objectId))?.toString('utf8') ?? null
    },
  }
}

/** The test cases that a tree of a project speaks for. */
export const treeTestCases = async (
  { git }: Pick<Services, 'git'>,
  projectId: string,
  treeish: string,
): Promise<readonly ProposedTestCase[]> => proposeTestCases(await lookAtTree(git, projectId, treeish))

/** The test cases that a project's head speaks for and that it does not have. */
export const proposedTestCases = async (
  services: Pick<Services, 'em' | 'git'>,
  { id, headCommit }: Pick<ProjectRow, 'id' | 'headCommit'>,
): Promise<readonly ProposedTestCase[]> => {
  if (headCommit === null) return []
  const proposed = await treeTestCases(services, id, headCommit)
  const existing = new Set((await projectTestCases(services, id)).map(({ command }) => JSON.stringify(command)))
  return proposed.filter(({ command }) => !existing.has(JSON.stringify(command)))
}
