# === an alias of an alias # runs
import os as one
two = one
from os import system as three
two.system('true')  #> SUBPROCESS
three('true')  #> SUBPROCESS
# === tuples in tuples
import os, subprocess
(a, (b, c)) = (print, (os.system, subprocess.call))  #> SUBPROCESS SUBPROCESS
b('true')  #> SUBPROCESS
c(['true'])  #> SUBPROCESS
# === a starred target
import os
first, *rest = os.system, print  #> SUBPROCESS
first('true')
# === swapped names # runs
import os
a, b = print, os.system
a, b = b, a
a('true')  #> SUBPROCESS
# === a walrus in a condition # runs
import os
if (run := os.system) and callable(run):
    run('true')  #> SUBPROCESS
# === a walrus in a comprehension
import os
[run('true') for name in names if (run := os.system)]  #> SUBPROCESS
# === an attribute of a class
import os
class Shell:
    run = os.system  #> SUBPROCESS
Shell.run('true')
# === a static method of a class
import os
class Shell:
    run = staticmethod(os.system)  #> SUBPROCESS
# === an attribute of an instance
import os
class Shell:
    def __init__(self):
        self.run = os.system  #> SUBPROCESS
    def go(self):
        self.run('true')
# === an attribute that is set from outside
import os, types
box = types.SimpleNamespace()
box.run = os.system  #> SUBPROCESS
box.run('true')
# === a module kept in a class # runs
import os
class Shell:
    tools = os
Shell.tools.system('true')  #> SUBPROCESS
# === a class of one's own around a class
import subprocess
class Task(subprocess.Popen):  #> SUBPROCESS
    def __init__(self, *args):
        super().__init__(*args)
# === a default of a keyword-only parameter
import subprocess
def go(command, *, start=subprocess.run):  #> SUBPROCESS
    start(command)
# === a default of a lambda
import os
go = lambda command, run=os.system: run(command)  #> SUBPROCESS
# === a partial that is given a name
from functools import partial
import subprocess
sh = partial(subprocess.run, shell=True)  #> SUBPROCESS
sh('true')
# === a partial under another name
import functools as f, os
f.partial(os.system)('true')  #> SUBPROCESS
# === a list
import os
tools = [print, os.system]  #> SUBPROCESS
tools[1]('true')
# === a dictionary of functions
import os
tools = {'run': os.system, 'show': print}  #> SUBPROCESS
tools['run']('true')
# === a dictionary made by dict
import os
tools = dict(run=os.system)  #> SUBPROCESS
# === a dictionary that is filled later
import os
tools = {}
tools['run'] = os.system  #> SUBPROCESS
tools['run']('true')
# === a set default
import os
tools = {}
tools.setdefault('run', os.system)('true')  #> SUBPROCESS
# === either of two # runs
import os
run = None or os.system
run('true')  #> SUBPROCESS
# === both of two # runs
import os
(True and os.system)('true')  #> SUBPROCESS
# === a conditional module
import subprocess, shutil
tool = subprocess if fast else shutil
tool.run(['true'])  #> SUBPROCESS
# === a lambda that calls # runs
import os
(lambda command: os.system(command))('true')  #> SUBPROCESS
# === a lambda that hands on # runs
import os
(lambda: os.system)()('true')  #> SUBPROCESS SUBPROCESS
# === a generator
import os
for run in (each for each in [os.system]):  #> SUBPROCESS
    run('true')
# === a comprehension of modules
import os, subprocess
[module.system('true') for module in [os]]  #> SUBPROCESS
# === a dictionary comprehension
import os
tools = {name: os.system for name in names}  #> SUBPROCESS
# === a subject that is matched
import os
match os.system:  #> SUBPROCESS
    case run:
        run('true')
# === a function that is matched by a class pattern's guard
match command:
    case str() if eval(command):  #> EVAL_EXEC
        pass
# === a with statement's target
import contextlib, os
with contextlib.nullcontext(os.system) as run:  #> SUBPROCESS
    run('true')
# === an exception's argument
import os
try:
    raise ValueError(os.system)  #> SUBPROCESS
except ValueError as error:
    error.args[0]('true')
# === a function that is returned through another
import os
def inner():
    return os
def outer():
    return inner()
outer().system('true')  #> SUBPROCESS
# === a generator function that yields a module
import os
def each():
    yield os
for module in each():
    module.system('true')  #> SUBPROCESS
# === a decorator that registers
import atexit, os
@atexit.register
def last():
    os.system('true')  #> SUBPROCESS
# === a decorator with a function from a module
import os
@os.register_at_fork
def f(): pass
@os.popen  #> SUBPROCESS
def g(): pass
# === a property
import os
class Shell:
    run = property(lambda self: os.system)  #> SUBPROCESS
# === an f-string # runs
import os
message = f'{os.system("true")!r:>10}'  #> SUBPROCESS
# === a nested f-string # runs
message = f'{f"{eval(text)}"}'  #> EVAL_EXEC
# === an annotation that runs # runs
def f(x: eval('int')): pass  #> EVAL_EXEC
value: exec('pass') = 1  #> EVAL_EXEC
# === an assertion and a deletion
import os
assert os.system('true') == 0  #> SUBPROCESS
del tools[eval('0')]  #> EVAL_EXEC
# === a slice and a starred argument # runs
import os
print(*['x'][0:eval('1')])  #> EVAL_EXEC
print(*[os.system('true')])  #> SUBPROCESS
# === an await and a yield
import asyncio
async def main():
    start = asyncio.create_subprocess_exec
    return await start('true')  #> SUBPROCESS
# === an augmented assignment
import os
tools = []
tools += [os.system]  #> SUBPROCESS
# === chained comparisons and conditions # runs
import os
0 < os.system('true') < 2  #> SUBPROCESS
# === a name imported twice # runs
import json as tool
import os as tool
tool.system('true')  #> SUBPROCESS
# === a package's module by the package
import concurrent.futures
concurrent.futures.ProcessPoolExecutor()  #> SUBPROCESS
# === a submodule that brings its package # runs
import os.path
os.system('true')  #> SUBPROCESS
# === a loop with a walrus over reading
with open(path) as handle:  #> FILESYSTEM_READ
    while chunk := handle.read():
        eval(chunk)  #> EVAL_EXEC
# === type parameters
def first[T](items: list[T]) -> T:
    return eval(items[0])  #> EVAL_EXEC
type Alias = eval('int')  #> EVAL_EXEC
# === an exception group
try:
    run()
except* ValueError:
    exec(text)  #> EVAL_EXEC
