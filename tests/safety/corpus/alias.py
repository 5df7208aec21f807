# === import as
import subprocess as sp
sp.run(['ls'])  #> SUBPROCESS
# === from import as
from os import system as harmless
harmless('ls')  #> SUBPROCESS
# === a parenthesised import
from subprocess import (
    PIPE,
    Popen as start,
)
start(['ls'], stdout=PIPE)  #> SUBPROCESS
# === a chain of assignments
import os
a = os
b = a
c = b.system
c('ls')  #> SUBPROCESS
# === several targets
import os
x = y = os
y.system('ls')  #> SUBPROCESS
# === unpacking
import os, subprocess
run, shell = subprocess.run, os.system
run(['ls'])  #> SUBPROCESS
shell('ls')  #> SUBPROCESS
# === star import
from subprocess import *
run(['ls'])  #> SUBPROCESS
# === star import over a builtin
from gzip import *
open('a.gz', 'wb')  #> FILESYSTEM_WRITE FILESYSTEM_WRITE
# === import inside a function
def f():
    import os
    os.system('ls')  #> SUBPROCESS
# === module used in a nested function
import os
def outer():
    def inner():
        return os.popen('ls').read()  #> SUBPROCESS
    return inner
# === walrus
if (run := eval):
    run('1')  #> EVAL_EXEC
# === callback
results = map(eval, texts)  #> EVAL_EXEC
# === keyword callback
import os
sorted(names, key=os.system)  #> SUBPROCESS
# === default argument
import os
def f(run=os.system):  #> SUBPROCESS
    run('ls')
# === decorator
@exec  #> EVAL_EXEC
@input
class X: pass
# === table
import os
table = {'run': os.system}  #> SUBPROCESS
table['run']('ls')
# === loop over functions
import os
for f in (os.system, print):  #> SUBPROCESS
    f('ls')
# === partial
import functools, os
run = functools.partial(os.system, 'ls')  #> SUBPROCESS
run()
# === returned
import os
def get():
    return os.system  #> SUBPROCESS
# === a name that is never used again is handed to whoever imports it
import os
run = os.system  #> SUBPROCESS
# === attribute
import os
class A:
    def __init__(self):
        self.os = os
    def f(self):
        self.os.system('ls')  #> SUBPROCESS
# === module as an argument
import os
def f(module):
    module.system('ls')  #> SUBPROCESS
f(os)
# === module from a function
import os
def get():
    return os
get().system('ls')  #> SUBPROCESS
# === module from a table
import os
[os][0].system('ls')  #> SUBPROCESS
{'a': os}['a'].system('ls')  #> SUBPROCESS
{'a': os}.get('a').system('ls')  #> SUBPROCESS
# === annotated parameter
from pathlib import Path
def save(path: Path, text: str) -> None:
    path.write_text(text)  #> FILESYSTEM_WRITE
# === path kept in an attribute
from pathlib import Path
class Store:
    def __init__(self, name):
        self.path = Path(name)
    def save(self):
        self.path.unlink()  #> FILESYSTEM_WRITE
# === fallback import
try:
    import cPickle as pickle
except ImportError:
    import pickle
pickle.loads(data)  #> PICKLE
# === submodule with alias
import urllib.request as r
r.urlopen(url)  #> NETWORK_REQUEST
# === from package import module
from urllib import request
from concurrent import futures
request.urlopen(url)  #> NETWORK_REQUEST
futures.ProcessPoolExecutor()  #> SUBPROCESS
# === subclass
import subprocess
class Shell(subprocess.Popen):  #> SUBPROCESS
    pass
# === global statement
import os
def setup():
    global run
    run = os.system
def main():
    run('ls')  #> SUBPROCESS
# === conditional expression
import os
run = os.system if os.name == 'nt' else os.popen
run('ls')  #> SUBPROCESS SUBPROCESS
# === through a module that imported it
import shutil
shutil.os.system('ls')  #> SUBPROCESS
# === through a module without rules of its own
import random
random._os.system('ls')  #> SUBPROCESS
# === lambda
run = lambda text: eval(text)  #> EVAL_EXEC
# === paths found by a pattern
from pathlib import Path
for path in Path('.').glob('*'):  #> FILESYSTEM_READ
    path.unlink()  #> FILESYSTEM_WRITE
# === comprehension
import os
[run(name) for run in [os.system] for name in names]  #> SUBPROCESS
# === used before a definition of the same name
eval('1')  #> EVAL_EXEC
def eval(text):
    return text
# === shadowed only under a condition
if fast:
    eval = quick
eval('1')  #> EVAL_EXEC
# === unshadowed by del
eval = None
del eval
eval('1')  #> EVAL_EXEC
# === a method sees the builtin, not the class's name
class A:
    def eval(self): pass
    def f(self):
        return eval('1')  #> EVAL_EXEC
# === module handed to a method
import os
class A:
    def f(self, module):
        module.system('ls')  #> SUBPROCESS
    def g(self):
        self.f(os)
# === module handed to a constructor
import os
class A:
    def __init__(self, module):
        self.module = module
    def g(self):
        self.module.system('ls')  #> SUBPROCESS
A(os)
# === a module from a method
import os
class A:
    def get(self):
        return os
A().get().system('ls')  #> SUBPROCESS
