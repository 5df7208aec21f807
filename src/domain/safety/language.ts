import type { Language } from '../ports/code-analyzer.ts'

const languageByExtension: Readonly<Record<string, Language>> = {
  py: 'PYTHON',
  pyi: 'PYTHON',
  pyw: 'PYTHON',
  js: 'JAVASCRIPT',
  mjs: 'JAVASCRIPT',
  cjs: 'JAVASCRIPT',
  jsx: 'JAVASCRIPT',
  ts: 'TYPESCRIPT',
  mts: 'TYPESCRIPT',
  cts: 'TYPESCRIPT',
  tsx: 'TYPESCRIPT',
}

const languageByInterpreter: readonly { readonly pattern: RegExp; readonly language: Language }[] = [
  { pattern: /^(?:python|pypy)[\d.]*w?$/, language: 'PYTHON' },
  { pattern: /^(?:node|nodejs)$/, language: 'JAVASCRIPT' },
  { pattern: /^(?:deno|bun|ts-node|tsx)$/, language: 'TYPESCRIPT' },
]

/** Prose and tables. Not SVG and HTML, which can hold scripts, nor formats that configure. */
const inertTexts = new Set(['md', 'markdown', 'rst', 'txt', 'adoc', 'csv', 'tsv', 'json', 'log', 'po', 'bib'])

/** Pictures, sound and fonts. */
const inertMedia = new Set([
  ...['png', 'jpg', 'jpeg', 'gif', 'webp', 'bmp', 'ico', 'avif', 'tif', 'tiff', 'mp3', 'mp4', 'ogg', 'wav', 'webm'],
  ...['ttf', 'otf', 'woff', 'woff2'],
])

const inertNames =
  /^(?:LICEN[CS]E|COPYING|COPYRIGHT|NOTICE|AUTHORS|CONTRIBUTORS|CHANGELOG|CHANGES|HISTORY|README|py\.typed)$/i

/** Files that decide how a project is built, tested, fetched or shown, whatever language they are in. */
const decidingPaths: readonly { readonly pattern: RegExp; readonly decides: string }[] = [
  {
    pattern: /(?:^|\/)(?:conftest|sitecustomize|usercustomize)\.py$/,
    decides: 'Python runs it by itself when tests or programs start',
  },
  {
    pattern:
      /(?:^|\/)(?:(?:setup|noxfile|fabfile|tasks|dodo|hatch_build|conanfile)\.py|SConstruct|SConscript|wscript)$/,
    decides: 'it runs when the project is built or installed',
  },
  {
    pattern:
      /(?:^|\/)(?:pyproject\.toml|setup\.cfg|pytest\.ini|\.pytest\.ini|pytest\.toml|\.pytest\.toml|tox\.ini|tox\.toml|nose\.cfg|unittest\.cfg|\.coveragerc|MANIFEST\.in|Pipfile(?:\.lock)?|poetry\.lock|uv\.lock|environment\.ya?ml)$/,
    decides: 'it configures how the project is built or tested',
  },
  {
    pattern: /(?:^|\/)(?:requirements|constraints)[^/]*\.(?:txt|in)$|(?:^|\/)requirements\/[^/]+\.txt$/,
    decides: 'it names the packages that are installed',
  },
  { pattern: /\.pth$/, decides: 'Python runs lines of it at every start' },
  {
    pattern:
      /(?:^|\/)(?:package\.json|package-lock\.json|npm-shrinkwrap\.json|yarn\.lock|pnpm-lock\.yaml|pnpm-workspace\.yaml|bun\.lockb?|deno\.jsonc?|\.npmrc|\.yarnrc(?:\.yml)?|binding\.gyp)$/,
    decides: 'it names scripts and packages that are installed',
  },
  {
    pattern:
      /(?:^|\/)(?:[jt]sconfig[^/]*\.json|[^/]+\.config\.(?:[cm]?[jt]sx?|json)|vitest\.workspace\.[^/]+|karma\.conf\.[cm]?[jt]s|\.(?:babel|eslint|mocha|swc|prettier|lintstaged|nyc|c8|jest|postcss|stylelint|husky)rc[^/]*|gulpfile\.[^/]+|Gruntfile\.[^/]+)$/,
    decides: 'it configures how the project is built or tested',
  },
  {
    pattern:
      /(?:^|\/)(?:(?:GNU|BSD)?makefile(?:\.(?:am|in|inc|local|common))?|[^/]*\.(?:mk|cmake)|CMakeLists\.txt|CMakePresets\.json|\.?justfile|Rakefile|Gemfile(?:\.lock)?|Taskfile\.ya?ml|meson\.build|meson_options\.txt|BUILD(?:\.bazel)?|WORKSPACE(?:\.bazel)?|MODULE\.bazel|\.bazelrc|configure(?:\.ac)?|Vagrantfile|Earthfile)$/i,
    decides: 'it builds the project',
  },
  {
    pattern:
      /(?:^|\/)(?:build\.rs|Cargo\.(?:toml|lock)|\.cargo\/config(?:\.toml)?|rust-toolchain(?:\.toml)?|go\.(?:mod|sum|work)|pom\.xml|\.mvn\/[^/]+|mvnw(?:\.cmd)?|gradlew(?:\.bat)?|gradle\.properties|[^/]*\.gradle(?:\.kts)?|build\.sbt|composer\.(?:json|lock)|mix\.exs)$/,
    decides: 'it builds the project, or names the packages that are installed',
  },
  {
    pattern:
      /(?:^|\/)(?:Dockerfile|Containerfile)[^/]*$|\.dockerfile$|(?:^|\/)(?:docker-)?compose[^/]*\.ya?ml$|(?:^|\/)docker-bake\.(?:hcl|json)$|(?:^|\/)\.dockerignore$/i,
    decides: 'it builds or starts containers',
  },
  {
    pattern:
      /^\.github\/|^\.gitea\/|^\.forgejo\/|(?:^|\/)\.gitlab-ci[^/]*\.ya?ml$|^\.gitlab\/|^\.circleci\/|^\.buildkite\/|^\.travis\.ya?ml$|(?:^|\/)azure-pipelines[^/]*\.ya?ml$|^appveyor\.ya?ml$|(?:^|\/)Jenkinsfile[^/]*$|^\.drone\.ya?ml$|^bitbucket-pipelines\.ya?ml$|^\.woodpecker/,
    decides: 'it configures continuous integration',
  },
  {
    pattern: /(?:^|\/)\.gitattributes$/i,
    decides: 'it decides how git treats files (what it shows of them, how it merges and converts them)',
  },
  {
    pattern:
      /(?:^|\/)(?:\.gitmodules|\.mailmap|\.gitignore)$|^\.husky\/|^\.githooks\/|(?:^|\/)\.pre-commit-(?:config|hooks)\.yaml$|^lefthook/,
    decides: 'git or its hooks read it',
  },
  {
    pattern:
      /(?:^|\/)(?:\.envrc|\.env[^/]*|\.python-version|\.tool-versions|\.nvmrc|Procfile)$|^\.vscode\/|^\.devcontainer\/|^\.idea\//,
    decides: 'tools read it by themselves',
  },
  { pattern: /(?:^|\/)CODEOWNERS$/, decides: 'it decides who reviews' },
]

export interface FileKind {
  /** Null for what is no program, and for programs in other languages. */
  readonly language: Language | null
  /** True for what cannot run: prose, images, data. */
  readonly inert: boolean
}

const extensionOf = (path: string): string => /\.([^./]+)$/.exec(path)?.[1]?.toLowerCase() ?? ''

// A file may be called `x.constructor`.
const languageOf = (extension: string): Language | undefined =>
  Object.hasOwn(languageByExtension, extension) ? languageByExtension[extension] : undefined

const isHarmless = (extension: string): boolean => inertTexts.has(extension) || inertMedia.has(extension)

/** True for pictures, sound and fonts, the only files that are inert without being text. */
export const isMedium = (path: string): boolean => inertMedia.has(extensionOf(path))

/** Tells a file's language by its name, and where the name says nothing by its first line. */
export function fileKind(path: string, content: Buffer): FileKind {
  const name = path.slice(path.lastIndexOf('/') + 1)
  const extension = extensionOf(path)
  const language = languageOf(extension)
  if (language !== undefined) return { language, inert: false }
  const interpreter = interpreterOf(content)
  if (interpreter !== null) {
    const known = languageByInterpreter.find(({ pattern }) => pattern.test(interpreter))
    return { language: known?.language ?? null, inert: false }
  }
  const isInert = inertNames.test(name) || isHarmless(extension)
  return { language: null, inert: isInert && decisionOf(path) === null }
}

/** Says what a file decides about building, testing or reviewing the project; null when it decides nothing. */
export function decisionOf(path: string): string | null {
  return decidingPaths.find(({ pattern }) => pattern.test(path))?.decides ?? null
}

/** True for a name whose last extension hides behind a harmless one, as in `picture.png.py`. */
export function hasHiddenExtension(path: string): boolean {
  const extensions = path
    .slice(path.lastIndexOf('/') + 1)
    .split('.')
    .slice(1)
  const [inner, last] = extensions.slice(-2).map((extension) => extension.trim().toLowerCase())
  return inner !== undefined && last !== undefined && isHarmless(inner) && languageOf(last) !== undefined
}

function interpreterOf(content: Buffer): string | null {
  if (content[0] !== 0x23 || content[1] !== 0x21) return null
  const line = content.subarray(2, 200).toString('latin1').split('\n')[0] ?? ''
  const words = line.trim().split(/\s+/)
  const program = (words[0] ?? '').split('/').at(-1) ?? ''
  if (program !== 'env') return program
  return (
    words
      .slice(1)
      .find((word) => !word.startsWith('-') && !word.includes('='))
      ?.split('/')
      .at(-1) ?? ''
  )
}
