import { afterAll, describe, expect, it, test } from 'vitest'
import { hiddenCharacter } from '../../src/domain/safety/hidden-characters.ts'
import { decisionOf } from '../../src/domain/safety/language.ts'
import { createEvaluator } from './evaluate.ts'

const evaluator = createEvaluator()
afterAll(() => evaluator[Symbol.asyncDispose]())

const lookAlikes = async (source: string) => {
  const { warnings } = await evaluator.evaluate({ 'a.py': { after: source } })
  return warnings.filter(({ code }) => code === 'LOOK_ALIKE_IDENTIFIER').map(({ line }) => line)
}

describe('an identifier that can be taken for another', () => {
  it.each([
    ['Cyrillic among Latin letters', 'x = 1\np\u0430ssword = 1\n', [2]],
    ['Greek among Latin letters', 'c\u03bfnfig = 1\n', [1]],
    ['Armenian among Latin letters', 'l\u0585gin = 1\n', [1]],
    ['one part of several', 'is_\u0430dmin_user = \u0441heck_user\n', [1, 1]],
    ['an attribute', 'user.is_\u0430dmin = True\nother.p\u0430ssword\n', [1, 2]],
    ['a parameter and a keyword', 'def f(n\u0430me): pass\nf(n\u0430me=1)\n', [1]],
    ['a word that is wholly Cyrillic beside its twin', 'copy(a)\n\u0441\u043e\u0440\u0443(a)\n', [2]],
    ['a Latin letter that is not ASCII beside its twin', 'file = 1\nf\u0131le = 2\n', [2]],
  ])('%s', async (_, source, lines) => {
    expect(await lookAlikes(source)).toEqual(lines)
  })

  it.each([
    ['Cyrillic', 'имя = 1\nсумма = имя + 1\nclass Заказ_1: pass\n'],
    ['Greek', 'λόγος = 1\nα = β + γ\nΔx = μ_0 * σ2\n'],
    ['Chinese, Japanese and Korean', '变量 = 1\nデータ2 = 変数\n이름 = 2\nuser_名前 = 3\n'],
    ['accents', 'größe = façade + naïve + Ångström\n'],
    ['a Latin part beside a part in another script', 'user_имя = get_данные(id_1)\n'],
    [
      'comments and strings',
      '# p\u0430ssword \u0441\u043e\u0440\u0443\ncopy = "p\u0430ssword"\n"""\u0441\u043e\u0440\u0443"""\n',
    ],
    ['a Cyrillic word without a twin in the code', '# copy\n\u0441\u043e\u0440\u0443 = 1\n'],
    ['Greek letters beside Latin ones', 'a = α\nx = χ\n'],
  ])('is none in %s', async (_, source) => {
    expect(await lookAlikes(source)).toEqual([])
  })

  it('is shown with its code points and what it is taken for', async () => {
    const { warnings } = await evaluator.evaluate({ 'a.py': { after: 'p\u0430ssword = 1\n' } })
    expect(warnings[0]?.message).toBe(
      'The identifier p\u0430ssword (U+0430) mixes Latin and Cyrillic letters: it can be taken for password.',
    )
  })
})

describe('a character that is not seen', () => {
  it.each([
    ['a soft hyphen', 'a\u00adb', 'U+00AD'],
    ['a zero-width space', 'a\u200bb', 'U+200B'],
    ['a zero-width joiner between Latin letters', 'a\u200db', 'U+200D'],
    ['a word joiner', 'a\u2060b', 'U+2060'],
    ['a Hangul filler', 'a\u3164b', 'U+3164'],
    ['a Hangul jamo filler', 'a\u115fb', 'U+115F'],
    ['a halfwidth Hangul filler', 'a\uffa0b', 'U+FFA0'],
    ['a tag', 'a\u{e0061}b', 'U+E0061'],
    ['tags behind a flag that no country has', '\u{1f3f4}\u{e0065}\u{e0076}\u{e006c}\u{e007f}', 'U+E0065'],
    ['a variation selector on a letter', 'a\ufe0fb'.replace('a', 'x'), 'U+FE0F'],
    ['a second variation selector', '\u{1f600}\ufe0f\ufe0f', 'U+FE0F'],
    ['a supplementary variation selector', '\u{1f600}\u{e0110}', 'U+E0110'],
    ['an isolate', 'a\u2066b', 'U+2066'],
    ['an Arabic letter mark', 'a\u061cb', 'U+061C'],
    ['a mark in the middle', 'a\ufeffb', 'U+FEFF'],
    ['a line separator', 'a\u2028b', 'U+2028'],
    ['an escape', 'a\u001b[1mb', 'U+001B'],
    ['a musical format character', 'a\u{1d173}b', 'U+1D173'],
    ['an annotation anchor', 'a\ufff9b', 'U+FFF9'],
    ['a braille blank', 'a\u2800b', 'U+2800'],
  ])('%s', (_, text, point) => {
    expect(hiddenCharacter(text)?.name).toContain(point)
  })

  it.each([
    ['families of emoji', '\u{1f469}\u{1f3fd}\u200d\u{1f4bb} \u2764\ufe0f\u200d\u{1f525}'],
    ['emoji and keys', '\u2764\ufe0f 1\ufe0f\u20e3 \u2194\ufe0f \u00a9\ufe0f'],
    ['the flag of Scotland', '\u{1f3f4}\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f}'],
    ['Persian and Hindi', 'می\u200cخواهم क्\u200dष'],
    ['a Japanese name', '葛\u{e0100}城'],
    ['Hebrew and Arabic', 'שלום العربية'],
    ['tabs and form feeds', 'a\tb\fc\r\n'],
  ])('is none in %s', (_, text) => {
    expect(hiddenCharacter(text)).toBeNull()
  })
})

test.each([
  ...['setup.py', 'setup.cfg', 'pyproject.toml', 'a/conftest.py', 'sitecustomize.py', 'usercustomize.py', 'x.pth'],
  ...['pytest.ini', 'tox.ini', 'noxfile.py', 'Makefile', 'makefile', 'MAKEFILE', 'GNUmakefile', 'rules.mk'],
  ...['CMakeLists.txt', 'x.cmake', 'Dockerfile', 'Dockerfile.dev', 'docker-compose.yml', 'compose.yaml'],
  ...['.github/workflows/a.yml', '.gitlab-ci.yml', 'Jenkinsfile', '.circleci/config.yml', 'azure-pipelines.yml'],
  ...['.travis.yml', '.pre-commit-config.yaml', '.husky/pre-commit', 'package.json', 'a/package.json', '.npmrc'],
  ...['vitest.config.ts', 'jest.config.json', 'vite.config.mjs', 'webpack.config.js', 'babel.config.cjs'],
  ...['.babelrc', '.eslintrc.json', 'eslint.config.js', 'tsconfig.json', 'tsconfig.build.json', 'build.rs'],
  ...['Cargo.toml', '.cargo/config.toml', 'go.mod', 'pom.xml', 'build.gradle.kts', 'gradlew', '.gitattributes'],
])('%s decides how the project is built, tested or fetched', (path) => {
  expect(decisionOf(path)).toMatch(/\w/)
})

test.each([
  ...[
    '.editorconfig',
    'src/app.py',
    'README.md',
    'docs/setup.md',
    'data.json',
    'my_makefile_notes.txt',
    'src/package.py',
  ],
  ...['src/config.ts', 'main.go', 'tests/test_setup.py'],
])('%s decides nothing', (path) => {
  expect(decisionOf(path)).toBeNull()
})

test('a line that go generate runs is told with its place', async () => {
  const report = await evaluator.evaluate({ 'a.go': { after: 'package a\n\n//go:generate sh -c ls\n' } })
  expect(report.warnings.map(({ code, line }) => `${code}:${line}`)).toEqual([
    'NOT_ANALYSED:null',
    'DECIDES_BUILD_OR_TESTS:3',
  ])
})

test('a file that was renamed away is not reported as it was', async () => {
  const report = await evaluator.evaluate({
    'b.py': { previousPath: 'a.sh', before: 'ls\n', after: 'x = 1\n' },
    'gone.sh': { before: 'ls\n' },
  })
  expect(report).toMatchObject({ safe: true, warnings: [] })
})
