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
      'only sets up, by its settings': [
        { 'pytest.ini': '[pytest]\naddopts = --setup-only\n', 'test_a.py': greenAndRed },
        /2 of 2 tests are missing/,
      ],
      'skips everything in a hook': [
        {
          'conftest.py':
            'import pytest\ndef pytest_collection_modifyitems(items):\n    for item in items: item.add_marker(pytest.mark.skip)\n',
          'test_a.py': greenAndRed,
        },
        /None of 2 tests passed/,
      ],
      'runs nothing in a hook': [
        { 'conftest.py': 'def pytest_runtestloop(session): return True\n', 'test_a.py': greenAndRed },
        /2 of 2 tests are missing/,
      ],
      'has two tests of one name, and leaves in the second': [
        {
          'conftest.py': 'def pytest_collection_modifyitems(items): items += list(items)\n',
          'test_a.py':
            'import os\ntimes = []\ndef test_a():\n    times.append(1)\n    if len(times) == 2: os._exit(0)\n',
        },
        /1 of 2 tests are missing/,
      ],
      'becomes another program': [
        { 'test_a.py': 'import os\ndef test_a(): os.execv("/bin/true", ["true"])\n' },
        /1 of 1 tests are missing/,
      ],
      'leaves from a thread': [
        {
          'test_a.py':
            'import os, threading, time\nthreading.Timer(0.1, lambda: os._exit(0)).start()\ndef test_a(): time.sleep(60)\n',
        },
        /1 of 1 tests are missing/,
      ],
      'leaves in a fork of the runner': [
        { 'test_a.py': 'import os\ndef test_a():\n    if os.fork(): os._exit(0)\ndef test_b(): assert False\n' },
        /1 of 2 tests (failed|are missing)/,
      ],
      'takes the place of the modules of who watches': [
        {
          ...Object.fromEntries(
            ['sitecustomize', 'usercustomize', 'json', 'threading', 'collections'].map((name) => [
              `${name}.py`,
              'import os\nos._exit(0)\n',
            ]),
          ),
          'x.pth': 'import os; os._exit(0)\n',
          'test_a.py': greenAndRed,
        },
        null,
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
      'turns the status round when it ends': [
        {
          'test_a.py': `import atexit, os\natexit.register(lambda: os._exit(0))\n${cases('def test_a(self): pass\ndef test_b(self): self.fail()')}`,
        },
        /1 of 2 tests failed, though.*test_a\.T\.test_b/,
      ],
      'turns the status of a subtest round': [
        {
          'test_a.py': `import atexit, os\natexit.register(lambda: os._exit(0))\n${cases('def test_a(self):\n    with self.subTest(i=1): self.fail()')}`,
        },
        /1 of 1 tests failed, though/,
      ],
      'leaves when its module is torn down': [
        {
          'test_a.py': `${cases('def test_a(self): raise ValueError()')}def tearDownModule():\n    import os\n    os._exit(0)\n`,
        },
        /1 of 1 tests failed, though/,
      ],
      'skips everything': [
        { 'test_a.py': `${cases('def test_a(self): self.fail()')}def setUpModule(): raise unittest.SkipTest("s")\n` },
        /None of 1 tests passed/,
      ],
      'loads no test': [
        { 'test_a.py': `${cases('def test_a(self): self.fail()')}def load_tests(*_): return unittest.TestSuite()\n` },
        /no test was collected/,
      ],
      'loads a test twice, and leaves in the second': [
        {
          'test_a.py': `import os\ntimes = []\n${cases('def test_a(self):\n    times.append(1)\n    if len(times) == 2: os._exit(0)')}def load_tests(loader, tests, _): return unittest.TestSuite([tests, loader.loadTestsFromName("test_a.T.test_a")])\n`,
        },
        /1 of 2 tests are missing/,
      ],
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
        /The process of a\.test\.mjs was left/,
      ],
      'leaves in a test': [
        {
          'a.test.mjs':
            "import { test } from 'node:test'\ntest('a', () => {})\ntest('b', () => process.exit(0))\ntest('c', () => {})\n",
        },
        /The process of a\.test\.mjs was left|missing/,
      ],
      'leaves without a word': [
        { 'a.test.mjs': "import { test } from 'node:test'\ntest('a', () => process.reallyExit(0))\n" },
        /The process of a\.test\.mjs was left|missing/,
      ],
      'leaves in the code that is tested': [
        {
          'lib.mjs': 'process.exit(0)\n',
          'a.test.mjs': "import { test } from 'node:test'\nimport './lib.mjs'\ntest('a', () => {})\n",
          'b.test.mjs': "import { test } from 'node:test'\ntest('b', () => {})\n",
        },
        /The process of a\.test\.mjs was left/,
      ],
      'leaves before its first test': [
        {
          'a.test.mjs':
            "import { before, test } from 'node:test'\nbefore(() => process.exit(0))\ntest('a', () => {})\n",
        },
        /The process of a\.test\.mjs was left/,
      ],
      'leaves between tests that were made later': [
        {
          'a.test.mjs':
            "import { test } from 'node:test'\ntest('a', () => {})\nsetImmediate(() => process.exit(0))\nawait new Promise((go) => setTimeout(go, 500))\ntest('b', () => { throw new Error() })\n",
        },
        /The process of a\.test\.mjs was left/,
      ],
      'leaves in the code that is tested, by names of its own': [
        {
          'check.mjs': "export { test as check } from 'node:test'\n",
          'lib.mjs': 'process.exit(0)\n',
          'a.test.mjs': "import { check } from './check.mjs'\nimport './lib.mjs'\ncheck('a', () => {})\n",
        },
        /The process of a\.test\.mjs was left/,
      ],
      'leaves in a suite': [
        {
          'a.test.mjs':
            "import { describe, it } from 'node:test'\ndescribe('d', () => { it('x', () => {}); it('y', () => process.reallyExit(0)); it('z', () => { throw new Error() }) })\n",
        },
        /The process of a\.test\.mjs was left|missing/,
      ],
      'has a child that comes to its end': [
        {
          'a.test.mjs':
            "import { spawnSync } from 'node:child_process'\nif (process.env.CHILD) process.exitCode = 0\nelse {\n  spawnSync(process.execPath, [...process.execArgv, process.argv[1]], { env: { ...process.env, CHILD: '1' } })\n  process.exit(0)\n}\n",
        },
        /The process of a\.test\.mjs was left/,
      ],
      'prints a report': [
        { 'a.test.mjs': "console.log('TAP version 13\\nok 1 - a\\n1..1')\nprocess.exit(0)\n" },
        /The process of a\.test\.mjs was left/,
      ],
      'skips everything': [
        { 'a.test.mjs': "import { test } from 'node:test'\ntest.skip('a', () => { throw new Error() })\n" },
        /None of 1 tests passed/,
      ],
      'names no test': [
        { 'a.test.mjs': "import { test } from 'node:test'\ntest('a', () => { throw new Error() })\n" },
        /No test was run/,
        ['--test-name-pattern=nothing'],
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
      'runs those that are named': [
        {
          'a.test.mjs':
            "import { test } from 'node:test'\ntest('a', () => {})\ntest('b', () => { throw new Error() })\n",
          'b.test.mjs': "import { test } from 'node:test'\ntest('c', () => { throw new Error() })\n",
        },
        null,
        ['--test-name-pattern=^a$'],
      ],
      'leaves on purpose what holds it open': [
        {
          'a.test.mjs':
            "import { createServer } from 'node:net'\nimport { test } from 'node:test'\ncreateServer().listen(0)\ntest('a', () => {})\n",
        },
        null,
        ['--test-force-exit'],
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
