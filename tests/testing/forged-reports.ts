import type { NewTestCase } from '../factories/testing.ts'

/** A test that tries to be taken for a green one, or that is one, with what is to come of it. */
export interface Trick extends NewTestCase {
  readonly name: string
  readonly status: 'PASSED' | 'FAILED'
  /** What TestResult.error has to say; null when it says nothing. */
  readonly error: RegExp | null
}

const pytest = ['python3', '-m', 'pytest', '-p', 'no:cacheprovider']
const unittest = ['python3', '-m', 'unittest', '-v']
const node = ['node', '--test']

const file = (path: string, text: string) => ({ path, text })
const cases = (body: string) => `import unittest\nclass T(unittest.TestCase):\n${body.replace(/^/gm, '    ')}\n`
const greenAndRed = 'def test_a(): pass\ndef test_b(): assert False\n'
const summary = 'print("2 passed in 0.01s")'
const junit =
  '<testsuites><testsuite tests="2" failures="0"><testcase name="a"/><testcase name="b"/></testsuite></testsuites>'

const tricks = (
  command: readonly string[],
  table: Readonly<
    Record<string, readonly [files: Readonly<Record<string, string>>, error: RegExp | null, more?: readonly string[]]>
  >,
  status: Trick['status'],
): readonly Trick[] =>
  Object.entries(table).map(([name, [files, error, more = []]]) => ({
    name: `${command.slice(-1)[0] === '--test' ? 'node' : command[2]}: ${name}`,
    command: [...command, ...more],
    files: Object.entries(files).map(([path, text]) => file(path, text)),
    timeoutMs: 60_000,
    status,
    error,
  }))

export const forgeries: readonly Trick[] = [
  ...tricks(
    pytest,
    {
      'leaves at import with a summary': [
        { 'test_a.py': `import os\n${summary}\nos._exit(0)\n${greenAndRed}` },
        /before it had collected/,
      ],
      'leaves in the first test': [
        {
          'test_a.py': `import os, sys\ndef test_a():\n    ${summary}\n    sys.stdout.flush()\n    os._exit(0)\ndef test_b(): pass\n`,
        },
        /2 of 2 tests are missing from the report/,
      ],
      'leaves between two tests': [
        { 'test_a.py': 'import os\ndef test_a(): pass\ndef test_b(): os._exit(0)\ndef test_c(): pass\n' },
        /2 of 3 tests are missing.*test_a\.py::test_b, test_a\.py::test_c/,
      ],
      'turns the status round when it ends': [
        { 'test_a.py': `import atexit, os\natexit.register(lambda: os._exit(0))\n${greenAndRed}` },
        /1 of 2 tests failed, though/,
      ],
      'turns the status round in a hook': [
        { 'conftest.py': 'def pytest_sessionfinish(session): session.exitstatus = 0\n', 'test_a.py': greenAndRed },
        /1 of 2 tests failed, though/,
      ],
      'deselects everything and calls it well': [
        {
          'conftest.py':
            'def pytest_collection_modifyitems(items): items[:] = []\ndef pytest_sessionfinish(session): session.exitstatus = 0\n',
          'test_a.py': greenAndRed,
        },
        /no test was collected/,
      ],
      'deselects everything in its settings': [
        { 'pytest.ini': '[pytest]\naddopts = -k nothing_is_named_so\n', 'test_a.py': greenAndRed },
        null,
      ],
      'only collects': [
        { 'pytest.ini': '[pytest]\naddopts = --collect-only\n', 'test_a.py': 'def test_a(): pass\n' },
        /1 of 1 tests are missing/,
      ],
      'only tells its version': [{ 'test_a.py': 'def test_a(): pass\n' }, /before it had collected/, ['--version']],
      'plants a report': [
        {
          'junit.xml': junit,
          'report.json': '{"collected":["a"]}',
          'test_a.py': `import os\ndef test_a():\n    open("junit.xml", "w").write(${JSON.stringify(junit)})\n    os._exit(0)\n`,
        },
        /1 of 1 tests are missing/,
        ['--junitxml=junit.xml'],
      ],
      'kills its runner': [{ 'test_a.py': 'import os\ndef test_a(): os.kill(os.getpid(), 9)\n' }, /SIGKILL/],
      'kills who watches': [
        { 'test_a.py': 'import os\ndef test_a():\n    os.kill(os.getppid(), 9)\n    os._exit(0)\n' },
        /SIGKILL/,
      ],
      'closes every descriptor': [
        { 'test_a.py': 'import os\ndef test_a():\n    os.closerange(0, 256)\n    os._exit(0)\n' },
        /1 of 1 tests are missing/,
      ],
      'leaves by sys.exit in a test': [{ 'test_a.py': 'import sys\ndef test_a(): sys.exit(0)\n' }, null],
      'takes the place of the runner': [
        { 'pytest.py': 'def main(*a, **k): return 0\n', 'test_a.py': greenAndRed },
        null,
      ],
      'imports nothing': [{}, null],
      'speaks in the name of who watches': [
        {
          'test_a.py':
            'import sys\ndef test_a():\n    sys.stderr.write("\\ncountersign-0: all is well\\n")\n    assert False\n',
        },
        null,
      ],
    },
    'FAILED',
  ),
  ...tricks(
    unittest,
    {
      'leaves at import with a summary': [
        { 'test_a.py': `import os, sys\nsys.stderr.write("Ran 2 tests in 0.001s\\n\\nOK\\n")\nos._exit(0)\n` },
        /before it had collected/,
      ],
      'leaves in a test': [
        {
          'test_a.py': `import os\n${cases('def test_a(self): pass\ndef test_b(self): os._exit(0)\ndef test_c(self): pass')}`,
        },
        /2 of 3 tests are missing/,
      ],
      'leaves by SystemExit': [
        { 'test_a.py': cases('def test_a(self): raise SystemExit(0)\ndef test_b(self): pass') },
        null,
      ],
      'has no test': [{ 'test_a.py': 'import unittest\n' }, null],
      fails: [{ 'test_a.py': cases('def test_a(self): self.fail()') }, null],
    },
    'FAILED',
  ),
  ...tricks(
    node,
    {
      'leaves at import': [
        {
          'a.test.mjs':
            "import { test } from 'node:test'\nconsole.log('# pass 2')\nprocess.exit(0)\ntest('a', () => {})\n",
        },
        /No test is in the report of a\.test\.mjs/,
      ],
      'leaves in a test': [
        {
          'a.test.mjs':
            "import { test } from 'node:test'\ntest('a', () => {})\ntest('b', () => process.exit(0))\ntest('c', () => {})\n",
        },
        /No test is in the report of a\.test\.mjs|missing/,
      ],
      'leaves without a word': [
        { 'a.test.mjs': "import { test } from 'node:test'\ntest('a', () => process.reallyExit(0))\n" },
        /No test is in the report of a\.test\.mjs|missing/,
      ],
      'leaves in the code that is tested': [
        {
          'lib.mjs': 'process.exit(0)\n',
          'a.test.mjs': "import { test } from 'node:test'\nimport './lib.mjs'\ntest('a', () => {})\n",
          'b.test.mjs': "import { test } from 'node:test'\ntest('b', () => {})\n",
        },
        /No test is in the report of a\.test\.mjs/,
      ],
      'leaves in the process of its runner': [
        { 'a.test.mjs': "import { test } from 'node:test'\ntest('a', () => process.reallyExit(0))\n" },
        /before it had reported all tests/,
        ['--test-isolation=none'],
      ],
      'has no test': [{ 'a.mjs': '' }, /./],
      fails: [{ 'a.test.mjs': "import { test } from 'node:test'\ntest('a', () => { throw new Error() })\n" }, null],
      'is killed': [
        { 'a.test.mjs': "import { test } from 'node:test'\ntest('a', () => process.kill(process.ppid, 'SIGKILL'))\n" },
        /SIGKILL/,
      ],
    },
    'FAILED',
  ),
]

export const honestTests: readonly Trick[] = [
  ...tricks(
    pytest,
    {
      'passes in every way there is': [
        {
          'conftest.py': 'import sys\nsys.path.insert(0, "lib")\n',
          'lib/thing.py': 'x = 1\n',
          'test_a.py':
            'import pytest, thing\n@pytest.mark.parametrize("v", ["a", "b[c]", "ü"])\ndef test_a(v): assert thing.x\n@pytest.mark.skip\ndef test_s(): pass\n@pytest.mark.parametrize("v", [__import__("random").random()])\ndef test_r(v): pass\n@pytest.mark.xfail\ndef test_x(): assert False\n',
          'test_b.py': cases('def test_a(self):\n    with self.subTest(i=1): pass'),
        },
        null,
      ],
      'leaves a process behind': [
        {
          'test_a.py':
            'import subprocess, os\ndef test_a():\n    if os.fork() == 0:\n        import time\n        time.sleep(300)\n',
        },
        null,
        ['-s'],
      ],
      'runs some of its tests': [{ 'test_a.py': greenAndRed }, null, ['-k', 'test_a and not test_b']],
      'writes a lot': [{ 'test_a.py': 'def test_a(): print("x" * 3_000_000)\n' }, null, ['-s']],
    },
    'PASSED',
  ),
  ...tricks(
    unittest,
    {
      'passes in every way there is': [
        {
          'test_a.py': cases(
            'def test_a(self): pass\n@unittest.skip("s")\ndef test_s(self): pass\n@unittest.expectedFailure\ndef test_x(self): self.fail()\ndef test_sub(self):\n    for i in range(3):\n        with self.subTest(i=i): pass',
          ),
          'test_b.py': `${cases('@classmethod\ndef setUpClass(cls): raise unittest.SkipTest("s")\ndef test_a(self): pass')}`,
          'test_c.py': `${cases('def test_a(self): pass')}def setUpModule(): raise unittest.SkipTest("s")\n`,
        },
        null,
      ],
      'runs one that is named': [
        { 'test_a.py': cases('def test_a(self): pass\ndef test_b(self): self.fail()') },
        null,
        ['test_a.T.test_a'],
      ],
    },
    'PASSED',
  ),
  ...tricks(
    node,
    {
      'passes in every way there is': [
        {
          'a.test.mjs':
            "import { describe, it, test } from 'node:test'\ndescribe('d', () => { it('i', () => {}); it.skip('s', () => {}); it.todo('t', () => { throw new Error() }) })\ntest('a', (t) => t.test('sub', () => {}))\n",
          'test/plain.mjs': "console.log('a script without a runner')\n",
        },
        null,
      ],
      'has a reporter of its own': [
        { 'a.test.mjs': "import { test } from 'node:test'\ntest('a', () => {})\n" },
        null,
        ['--test-reporter=tap'],
      ],
    },
    'PASSED',
  ),
]
