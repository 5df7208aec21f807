# === shadowed in another function only # runs
def f():
    eval = int
    return eval('1')
eval('1')  #> EVAL_EXEC
# === shadowed in a class only # runs
class A:
    eval = int
    x = eval('1')
eval('1')  #> EVAL_EXEC
# === shadowed in a comprehension only # runs
[eval for eval in (1, 2)]
eval('1')  #> EVAL_EXEC
# === shadowed in one of two branches # runs
import os
if os.name == 'nt':
    def eval(text):
        return text
eval('1')  #> EVAL_EXEC
# === shadowed when an import fails
try:
    from fast import loads
except ImportError:
    from pickle import loads
loads(data)  #> PICKLE
# === shadowed in a loop that may not run
for eval in names:
    pass
eval('1')  #> EVAL_EXEC
# === bound again to the builtin # runs
import builtins
eval = int
eval = builtins.eval
eval('1')  #> EVAL_EXEC
# === bound again before the use # runs
import os
run = print
run = os.system
run('true')  #> SUBPROCESS
# === bound again in a function by global # runs
import os
run = print
def change():
    global run
    run = os.system
change()
run('true')  #> SUBPROCESS
# === bound again by nonlocal # runs
import os
def outer():
    run = print
    def change():
        nonlocal run
        run = os.system
    change()
    run('true')  #> SUBPROCESS
outer()
# === a parameter of another function
import os
def f(os):
    return os.name
os.system('true')  #> SUBPROCESS
# === an except clause gives its name back
try:
    pass
except Exception as eval:
    pass
eval('1')  #> EVAL_EXEC
# === a closure # runs
import os
def outer():
    run = os.system
    def inner():
        return run('true')  #> SUBPROCESS
    return inner
outer()()
# === a class body does not close over its names # runs
import os
class A:
    os = None
    def f(self):
        return os.system('true')  #> SUBPROCESS
A().f()
# === a lambda's parameter is its own # runs
(lambda eval: eval)(1)
eval('1')  #> EVAL_EXEC
# === a star import of a module that hides nothing known
from json import *
from os import *
system('true')  #> SUBPROCESS
# === an import in a branch that is for checkers only
from typing import TYPE_CHECKING
if TYPE_CHECKING:
    import subprocess
else:
    subprocess = __import__('subprocess')  #> IMPORT_DYNAMIC
subprocess.run(['true'])  #> SUBPROCESS
# === names before their definition in the file # runs
def go():
    return run('true')  #> SUBPROCESS
import os
run = os.system
go()
# === a method calls a module's function of the same name # runs
import os
class A:
    def system(self):
        os.system('true')  #> SUBPROCESS
A().system()
# === a name bound to what it was # runs
eval = eval
eval('1')  #> EVAL_EXEC
# === a name bound to what it was in a function # runs
import os
def f():
    run = os.system
    run = run
    return run('true')  #> SUBPROCESS
f()
# === a shadow that may not be reached
import contextlib
with contextlib.suppress(Exception):
    may_fail()
    eval = int
eval('1')  #> EVAL_EXEC
# === a shadow in the body of a loop that may be left # runs
for each in (1, 2):
    if each:
        break
    eval = int
eval('1')  #> EVAL_EXEC
# === a shadow in one handler of two
try:
    from fast import eval
except ImportError:
    pass
except ValueError:
    eval = int
eval('1')  #> EVAL_EXEC
# === a shadow in a branch without another # runs
import sys
if sys.platform == 'nothing':
    eval = int
elif sys.platform == 'nowhere':
    eval = str
eval('1')  #> EVAL_EXEC
# === bound by a function that is called later # runs
import os
def change():
    global run
    run = os.system
run = print
change()
run('true')  #> SUBPROCESS
# === bound again in a loop before the next round # runs
import os
run = print
for each in (1, 2):
    run('true')  #> SUBPROCESS
    run = os.system
