# === a method named eval
model.eval()
self.exec('x')
# === re.compile
import re
re.compile('a').match('b')
# === literal_eval
import ast
ast.literal_eval(text)
# === a local function shadows the builtin
def eval(text):
    return text
eval('1')
# === a parameter shadows the builtin
def f(eval, open=None):
    return eval('1'), open('x')
# === a local name shadows a module
import os
def f():
    os = Fake()
    os.system('ls')
# === a loop variable shadows the builtin
for open in doors:
    open()
# === an import shadows the builtin
from mylib import open
open('x', 'w')
# === comments and strings
# eval('1'); os.system('ls')
text = "eval('1') and import os; os.system('ls')"
"""exec(code)"""
# === imports alone
import os
import subprocess
import pickle
# === constants and harmless functions
import os, socket, sys
os.path.join('a', 'b')
os.environ.get('HOME')
os.getcwd()
socket.AF_INET
socket.gethostname()
sys.argv[1]
# === serialising is not deserialising
import pickle, marshal
pickle.dumps(1)
marshal.dumps(2)
# === safe YAML
import yaml
yaml.safe_load(text)
yaml.load(text, Loader=yaml.SafeLoader)
yaml.load(text, Loader=yaml.CSafeLoader)
# === a database in memory
import sqlite3
sqlite3.connect(':memory:')
# === logging without a file
import logging
logging.basicConfig(level=logging.INFO)
# === type hints, isinstance and except
import socket, subprocess
def f(p: subprocess.Popen, s: 'socket.socket') -> subprocess.Popen:
    try:
        return isinstance(p, subprocess.Popen)
    except subprocess.CalledProcessError:
        raise
# === a module of one's own
from . import subprocess
from .os import system
subprocess.run()
system('ls')
# === attributes of unknown objects
client.system('ls')
self.run('x')
app.subprocess.run()
# === a keyword argument's name
call(open=True, eval=False, exec=None)
# === an attribute is assigned
self.open = False
door.eval = None
# === a class's own method inside its body
class A:
    def open(self): pass
    door = open
# === timing a function
import timeit
timeit.timeit(lambda: f())
# === paths that are only computed
from pathlib import Path
Path('a').with_suffix('.b').name
str(Path('a') / 'b')
Path('a').exists()
# === a string's and a list's own methods
'a'.replace('b', 'c')
names.remove('x')
# === comprehension variable
[open for open in doors]
# === nonlocal shadow
def f():
    eval = int
    def g():
        nonlocal eval
        return eval('1')
# === threads
import threading
from concurrent.futures import ThreadPoolExecutor
threading.Thread(target=f).start()
ThreadPoolExecutor()
# === a match pattern captures
match value:
    case open:
        open('x')
