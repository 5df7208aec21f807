"""Runs snippets under an audit hook and says which capabilities each line used.

Reads a JSON list of sources from stdin; prints a line of JSON a snippet: pairs of line and capability. A statement
that fails ends itself alone. What would start a process, connect or become another program is stopped by the hook
as soon as it is seen.
"""

import ast
import builtins
import faulthandler
import importlib
import io
import json
import os
import sys

faulthandler.dump_traceback_later(50, exit=True)
snippets = json.load(sys.stdin)
report = os.fdopen(os.dup(1), 'w')
sys.stdout = sys.stderr = io.StringIO()

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
PROCESSES = {
    'subprocess.Popen', 'os.system', 'os.exec', 'os.posix_spawn', 'os.fork', 'os.forkpty', 'os.spawn', 'os.startfile',
    'pty.spawn', 'ctypes.dlopen', 'webbrowser.open',
}
CHANGES = {
    'os.remove', 'os.rmdir', 'os.mkdir', 'os.rename', 'os.link', 'os.symlink', 'os.chmod', 'os.chown', 'os.utime',
    'os.truncate', 'os.setxattr', 'shutil.copyfile', 'shutil.move', 'shutil.rmtree', 'shutil.copytree',
    'shutil.make_archive', 'shutil.unpack_archive', 'tempfile.mkstemp', 'tempfile.mkdtemp', 'sqlite3.connect',
}
READS = {'os.listdir', 'os.scandir', 'os.walk', 'os.fwalk', 'glob.glob', 'pathlib.Path.glob'}
# Python says who is asked before it asks; a socket of a client is a request as well as a socket.
REQUESTS = {
    'urllib.Request', 'ftplib.connect', 'smtplib.connect', 'poplib.connect', 'imaplib.open', 'http.client.connect',
    'nntplib.connect', 'telnetlib.Telnet.open', 'socket.getaddrinfo', 'socket.gethostbyname', 'socket.gethostbyaddr',
}
seen = None


class Stopped(BaseException):
    """The hook has seen enough."""


def capability(event, arguments):
    if event == 'open':
        if isinstance(arguments[0], int):
            # A descriptor that is open already.
            return None
        mode, flags = arguments[1], arguments[2]
        if isinstance(mode, str):
            return 'FILESYSTEM_WRITE' if any(letter in mode for letter in 'wax+') else 'FILESYSTEM_READ'
        return 'FILESYSTEM_WRITE' if flags & WRITING else 'FILESYSTEM_READ'
    if event in PROCESSES:
        return 'SUBPROCESS'
    if event in CHANGES:
        return 'FILESYSTEM_WRITE'
    if event in READS:
        return 'FILESYSTEM_READ'
    if event in REQUESTS:
        return 'NETWORK_REQUEST'
    if event.startswith('socket.') and event != 'socket.gethostname':
        return 'SOCKET'
    if event in ('exec', 'compile', 'builtins.breakpoint', 'function.__new__'):
        return 'EVAL_EXEC'
    if event in ('pickle.find_class', 'marshal.loads', 'marshal.load'):
        return 'PICKLE'
    return None


# They compile text of their own making, or only parse it.
COMPILING = {'ast', 'dataclasses', 'collections', 'inspect', 'enum', 'typing'}


def is_own_business(frame, what):
    name = frame.f_code.co_filename
    if name.startswith('<frozen importlib') or name.endswith('zipimport.py'):
        return True
    return what == 'EVAL_EXEC' and frame.f_globals.get('__name__') in COMPILING


def hook(event, arguments):
    """Finds the line of the snippet that led here; what an import does by itself is nobody's use."""
    if seen is None:
        return
    what = capability(event, arguments)
    if what is None:
        return
    frame = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename != '<snippet>':
        if is_own_business(frame, what):
            return
        frame = frame.f_back
    if frame is None:
        return
    seen.add((frame.f_lineno, what))
    if what == 'SUBPROCESS' or event in ('socket.connect', 'socket.bind', 'os.kill'):
        raise Stopped


def told(function):
    """An import function that says from which line it was called: Python's own event leaves loaded modules out."""
    def call(*arguments, **named):
        frame = sys._getframe(1)
        if seen is not None and frame.f_code.co_filename == '<snippet>':
            seen.add((frame.f_lineno, 'IMPORT_DYNAMIC'))
        return function(*arguments, **named)
    return call


def namespace():
    return {
        '__name__': '__main__', '__builtins__': builtins, '__loader__': None, 'path': 'data.txt', 'text': '1',
        'source': '1', 'data': b'cbuiltins\nlen\n.', 'name': 'colorsys', 'names': [], 'how': 'r',
        'url': 'http://127.0.0.1:9/', 'command': 'true', 'box': object(),
    }


def run(source):
    """A statement at a time, so that a fault in one leaves the others."""
    global seen
    found = set()
    scope = namespace()
    with open('data.txt', 'w') as handle:
        handle.write('1')
    sys.modules.pop('colorsys', None)
    for statement in ast.parse(source).body:
        program = compile(ast.Module([statement], []), '<snippet>', 'exec')
        seen = found
        try:
            exec(program, scope)
        except BaseException:
            # A fault, an exit or the hook itself: what was seen until then counts.
            pass
        finally:
            seen = None
    return sorted(found)


builtins.__import__ = told(builtins.__import__)
for name in ('import_module', 'reload', '__import__'):
    setattr(importlib, name, told(getattr(importlib, name)))
sys.addaudithook(hook)
sys.stdin = io.StringIO()
for snippet in snippets:
    report.write(json.dumps(run(snippet)) + '\n')
    report.flush()
os._exit(0)
