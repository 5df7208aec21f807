# === a parameter named like a builtin # runs
def f(open, exec=print, *eval, **compile):
    return open, exec(1), eval, compile
f(1)
# === a parameter of a lambda # runs
(lambda eval: eval(1))(str)
# === a local name named like a builtin # runs
def f():
    eval = str
    return eval('1')
f()
# === a function inside a function # runs
def f():
    def exec(text):
        return text
    return exec('1')
f()
# === a module's name is a parameter's # runs
def f(os):
    return os.system('ls')
class Fake:
    def system(self, command): return command
f(Fake())
# === a module's name is a local's # runs
import os
def f():
    os = {'system': print}
    return os['system']('x')
f()
# === an import is replaced before its use # runs
import os
class Fake:
    def system(self, command): return command
os = Fake()
os.system('ls')
# === a name that is deleted and bound again
from os import system
del system
def system(command): return command
system('ls')
# === a loop's target # runs
for eval in [str, int]:
    eval('1')
# === the target of a with statement
with door() as open:
    open('x')
# === the name of an exception # runs
try:
    raise ValueError('x')
except ValueError as exec:
    exec.args
# === the target of an import # runs
from math import sqrt as eval
import json as os
eval(4)
os.loads('1')
# === comprehension targets # runs
[exec(1) for exec in [str]]
{open: 1 for open in 'ab'}
# === a walrus binds # runs
if (eval := str):
    eval('1')
# === a class hides a builtin # runs
class eval:
    pass
eval()
# === a global that is bound in a function # runs
def setup():
    global eval
    eval = str
setup()
# === a nonlocal of an outer function # runs
def outer():
    exec = str
    def inner():
        nonlocal exec
        exec = int
        return exec('1')
    return inner()
outer()
# === patterns bind # runs
match {'a': str}:
    case {'a': eval}:
        eval('1')
match [str, int]:
    case [exec, *compile]:
        exec('1')
# === an attribute of self # runs
class A:
    def __init__(self):
        self.open = str
        self.system = str
    def f(self):
        return self.open('x'), self.system('y')
A().f()
# === the methods of a class call each other # runs
class A:
    def eval(self, text): return text
    def f(self): return self.eval('1')
A().f()
# === every branch hides the builtin # runs
import sys
if sys.platform == 'win32':
    eval = str
else:
    eval = int
eval('1')
# === a fallback hides the builtin
try:
    from fast import open
except ImportError:
    from slow import open
open('x')
# === an enclosing function's name # runs
def outer(eval):
    def inner():
        return eval('1')
    return inner()
outer(str)
# === a function that hides the builtin on every way # runs
import sys
def f():
    if sys.argv:
        exec = str
    elif sys.path:
        exec = int
    else:
        exec = float
    return exec('1')
f()
# === a type parameter named like a builtin
def f[eval](x: eval) -> eval:
    return eval(x)
# === a dead local store # runs
import os
def f():
    run = os.system
    run = print
    run('x')
f()
