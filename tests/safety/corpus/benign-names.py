# === methods of one's own named like functions # runs
class Door:
    def open(self): return self
    def system(self): return self
    def exec(self): return self
    def compile(self): return self
Door().open().system().exec().compile()
# === functions of one's own named like functions of os # runs
def system(command): return command
def popen(command): return command
system('ls')
popen('ls')
# === a class of one's own named like a class # runs
class Popen:
    def __init__(self, command): self.command = command
Popen(['ls'])
# === regular expressions # runs
import re
pattern = re.compile('eval|exec')
pattern.sub('', 'eval')
# === templates and queries
template.compile('x')
session.exec(select(Hero))
cursor.execute('select 1')
app.exec_()
df.eval('a + b')
df.query('a > 1')
model.eval()
tensor.load()
# === strings that name everything # runs
commands = ['os.system', 'eval(1)', 'subprocess.run', '__import__("os")']
"pickle.loads(data)"
help_text = '''
exec(code)
open('x', 'w')
'''
# === comments that name everything # runs
# import os; os.system('rm -rf /')
x = 1  # eval('1')
# === keyword arguments that name everything
run(eval=1, exec=2, open=3, system=4, compile=5)
# === attributes that name everything
settings.eval = 1
settings.open
settings.system = settings.exec
# === the keys of a dictionary # runs
options = {'eval': 1, 'system': 2, 'open': 3}
options['eval'], options['system']
# === names that begin or end alike # runs
evaluate = executor = opened = re_open = system_name = 1
print(evaluate, executor, opened, re_open, system_name)
# === what modules say about the machine # runs
import os, platform, sys
os.getcwd()
os.path.exists('x')
os.path.join('a', 'b')
os.environ['PATH']
os.getpid()
os.cpu_count()
sys.platform
platform.machine()
# === paths without files # runs
from pathlib import Path, PurePath
Path('a') / 'b' / 'c.txt'
PurePath('a').parts
Path('a').suffix
Path('a').parent.name
# === parsing text that is no code # runs
import ast, json, shlex
json.loads('{}')
ast.literal_eval('1')
ast.parse('1')
shlex.split('a b')
# === streams in memory # runs
import io
io.StringIO('x').read()
io.BytesIO(b'x').write(b'y')
# === compression in memory # runs
import base64, zlib
zlib.decompress(zlib.compress(b'x'))
base64.b64decode('eA==')
# === hashes and numbers # runs
import hashlib, random, secrets
hashlib.sha256(b'x').hexdigest()
random.choice([1, 2])
secrets.token_hex(4)
# === parts of URLs # runs
from urllib.parse import quote, urlparse
urlparse('https://example.org/x').netloc
quote('a b')
# === types of modules that matter # runs
import socket, subprocess
from subprocess import CalledProcessError, CompletedProcess, PIPE
isinstance(1, CompletedProcess)
socket.SOCK_STREAM, subprocess.PIPE
# === exceptions of modules that matter # runs
import pickle, socket, urllib.error
try:
    pass
except (pickle.UnpicklingError, socket.timeout, urllib.error.URLError):
    pass
# === annotations that name classes # runs
from __future__ import annotations
import socket, subprocess
def f(process: subprocess.Popen[str], peer: socket.socket | None = None) -> subprocess.CompletedProcess: ...
class A:
    process: subprocess.Popen
# === writing pickles # runs
import pickle
pickle.dumps({'a': 1})
# === threads and timers # runs
import threading
threading.Timer(0.01, print).cancel()
threading.Lock()
# === asynchronous code # runs
import asyncio
async def main():
    await asyncio.sleep(0)
    await asyncio.gather()
# === a logger # runs
import logging
logging.getLogger('a').info('exec %s', 'x')
# === command-line arguments # runs
import argparse
parser = argparse.ArgumentParser()
parser.add_argument('--exec')
# === data classes, enumerations and named tuples # runs
import enum
from dataclasses import dataclass
@dataclass
class A:
    open: int = 1
class Mode(enum.Enum):
    EXEC = 'exec'
A().open, Mode.EXEC
# === attributes by constant harmless names # runs
import os
getattr(os, 'name')
getattr(os, 'sep', '/')
getattr(A, 'x', None) if 'A' in globals() else None
# === attributes of objects by computed names
getattr(settings, name)
setattr(settings, name, 1)
hasattr(settings, 'eval')
# === introspection that leads nowhere # runs
import inspect, sys
inspect.signature(len)
sys.version_info
type(1).__name__
(1).__class__.__name__
vars()
# === imports of one's own
from .eval import evaluate
from . import os as own
from mylib.subprocess import run
from mypackage import pickle
evaluate('1')
own.system('x')
run('x')
pickle.loads('x')
# === imports of known names that are constant # runs
import importlib.util
importlib.util.find_spec('json')
# === the subclasses of a class of one's own # runs
class Plugin: pass
class Other(Plugin): pass
[each.__name__ for each in Plugin.__subclasses__()]
Plugin().__class__.__subclasses__()
Other.__mro__, Other.__bases__
