/**
 * A Python program that supervises pytest or unittest from another process than theirs. Before the first test runs it
 * gets the names of those that were collected, and then each end, through a pipe without a name; it exits with 0 only if
 * the runner did, every collected test is in the report as one that was run or skipped and did not fail, and one at
 * least passed. What it objects to is the last line of stderr, behind the mark that it was given.
 * Arguments: mark, runner, 1 where the working directory is importable, then the runner's own.
 */
export const supervisePython = String.raw`
import sys
# Before anything of the workspace can take a module's place.
if sys.path and sys.path[0] == '':
    del sys.path[0]
import collections, json, os, signal, threading
MARK, RUNNER, IMPORTABLE, ARGS = sys.argv[1], sys.argv[2], sys.argv[3] == '1', sys.argv[4:]

def object_to(words):
    sys.stderr.flush()
    os.write(2, ('\n' + MARK + ' ' + words + '\n').encode('utf-8', 'backslashreplace'))
    sys.exit(1)

def begin(runner):
    if IMPORTABLE:
        sys.path.insert(0, os.getcwd())
    # As the module's own start leaves it.
    sys.argv = [os.path.join(os.path.dirname(runner.__file__), '__main__.py')] + ARGS

def run_pytest(tell):
    import pytest
    class Reporter:
        @pytest.hookimpl(trylast=True)
        def pytest_collection_finish(self, session):
            tell({'collected': [item.nodeid for item in session.items]})
        # Where the tests are handed to other processes, those collect them.
        @pytest.hookimpl(optionalhook=True)
        def pytest_xdist_node_collection_finished(self, ids):
            tell({'collected': list(ids)})
        @pytest.hookimpl(trylast=True)
        def pytest_runtest_logreport(self, report):
            # Of a test that was only set up there is no word on how it went.
            if report.when == 'call' or report.outcome != 'passed':
                tell({report.outcome: report.nodeid})
            if report.when == 'teardown':
                tell({'ended': report.nodeid})
    begin(pytest)
    return pytest.main(ARGS, plugins=[Reporter()])

def run_unittest(tell):
    import re, unittest
    def tests_of(suite):
        for test in suite:
            if isinstance(test, unittest.TestSuite):
                for inner in tests_of(test):
                    yield inner
            else:
                yield test
    class Result(unittest.TextTestResult):
        def stopTest(self, test):
            super().stopTest(test)
            tell({'ended': test.id()})
        def addSuccess(self, test):
            super().addSuccess(test)
            tell({'passed': test.id()})
        def addFailure(self, test, err):
            super().addFailure(test, err)
            tell({'failed': test.id()})
        def addError(self, test, err):
            super().addError(test, err)
            tell({'failed': test.id()})
        def addUnexpectedSuccess(self, test):
            super().addUnexpectedSuccess(test)
            tell({'failed': test.id()})
        def addExpectedFailure(self, test, err):
            super().addExpectedFailure(test, err)
            tell({'skipped': test.id()})
        def addSubTest(self, test, subtest, err):
            super().addSubTest(test, subtest, err)
            # One that failed is all that is said of a test with subtests.
            if err is not None:
                tell({'failed': test.id()})
        def addSkip(self, test, reason):
            super().addSkip(test, reason)
            tell({'skipped': test.id()})
            # A whole class or module is skipped under one name.
            whole = re.match(r'^setUp(?:Class|Module) \((.+)\)$', test.id())
            if whole:
                tell({'without': whole.group(1) + '.'})
    class Runner(unittest.TextTestRunner):
        resultclass = Result
    class Program(unittest.TestProgram):
        def runTests(self):
            tell({'collected': [test.id() for test in tests_of(self.test)]})
            super().runTests()
    begin(unittest)
    sys.argv[0] = 'python3 -m unittest'
    Program(module=None, testRunner=Runner)

def run(channel):
    def tell(what):
        data = (json.dumps(what) + '\n').encode()
        while data:
            data = data[os.write(channel, data):]
    try:
        __import__(RUNNER)
    except ImportError as error:
        object_to('%s cannot be imported by %s: %s.' % (RUNNER, sys.executable, error))
    sys.exit(run_pytest(tell) if RUNNER == 'pytest' else run_unittest(tell))

def start():
    out, channel = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid == 0:
        os.close(out)
        run(channel)
    os.close(channel)
    lines = []
    def read():
        rest = b''
        while True:
            part = os.read(out, 65536)
            if not part:
                return
            rest += part
            *whole, rest = rest.split(b'\n')
            lines.extend(whole)
    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    _, status = os.waitpid(pid, 0)
    # What the tests left running may hold the pipe open: it has nothing more to say.
    reader.join(1)
    said = []
    for line in list(lines):
        try:
            said.append(json.loads(line))
        except ValueError:
            object_to('The report of the tests cannot be read.')
    return status, said

def pick(said, name):
    return [each[name] for each in said if isinstance(each, dict) and name in each]

def some(names):
    return ', '.join(sorted(names)[:5]) + (', ...' if len(names) > 5 else '')

def main():
    status, report = start()
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        if number != signal.SIGKILL:
            signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
    code = os.WEXITSTATUS(status)
    if code != 0:
        sys.exit(code)
    lists = [collections.Counter(names) for names in pick(report, 'collected')]
    if not lists:
        object_to('The runner ended with exit status 0 before it had collected the tests.')
    # Whoever collects for others collects the same; a name may stand for several tests.
    collected = collections.Counter()
    for names in lists:
        collected |= names
    if not collected:
        object_to('The runner ended with exit status 0, and no test was collected.')
    total = sum(collected.values())
    passed, failed = pick(report, 'passed'), set(pick(report, 'failed'))
    told = failed.union(passed, pick(report, 'skipped'))
    without = tuple(pick(report, 'without'))
    ended = collections.Counter(name for name in pick(report, 'ended') if name in told)
    missing = [name for name in (collected - ended).elements() if not name.startswith(without)]
    if missing:
        object_to('%d of %d tests are missing from the report, though the runner ended with exit status 0: %s'
                  % (len(missing), total, some(missing)))
    if failed:
        object_to('%d of %d tests failed, though the runner ended with exit status 0: %s'
                  % (len(failed), total, some(failed)))
    if not passed:
        object_to('None of %d tests passed: all were skipped or expected to fail.' % total)
    sys.exit(0)

main()
`
