# === from a tuple to every class
[each for each in ().__class__.__bases__[0].__subclasses__() if each.__name__ == 'Popen'][0](['true'])  #> CLASS_WALK
# === from a string to every class
''.__class__.__mro__[1].__subclasses__()[140]('true')  #> CLASS_WALK
# === every class of object
object.__subclasses__()[100]  #> CLASS_WALK
# === the input of Python 2 evaluates
print "how many?"
count = input()  #> EVAL_EXEC
# === a class's function's globals
import os
type(os.environ).__init__.__globals__['system']('true')  #> SUBPROCESS
# === the globals of a function of another module
import json
json.dumps.__globals__['__builtins__']['eval']('1')  #> EVAL_EXEC
# === the builtins of a function # runs
(lambda: 0).__builtins__['eval']('1')  #> EVAL_EXEC
# === the loader of a module
__loader__.load_module('os').system('true')  #> IMPORT_DYNAMIC SUBPROCESS
# === a frame's globals # runs
import sys
sys._getframe().f_globals['__builtins__'].eval('1')  #> EVAL_EXEC
# === a frame's builtins # runs
import sys
sys._getframe(0).f_builtins['eval']('1')  #> EVAL_EXEC
# === the frame of a traceback
try:
    1 / 0
except ZeroDivisionError as error:
    error.__traceback__.tb_frame.f_builtins['eval']('1')  #> EVAL_EXEC
# === the frame of a generator
(each for each in ()).gi_frame.f_builtins['exec']('pass')  #> EVAL_EXEC
# === the current frame by inspect # runs
import inspect
inspect.currentframe().f_builtins['eval']('1')  #> EVAL_EXEC
# === a code object that is built # runs
import types
code = (lambda: 0).__code__.replace(co_name='f')
types.FunctionType(code, globals())()  #> EVAL_EXEC
# === a function type from a function # runs
function = type(lambda: 0)
function((lambda: 0).__code__, {})()  #> EVAL_EXEC
# === a code type from a code object
make = type((lambda: 0).__code__)
make(0, 0, 0, 0, 0, 0, b'', (), (), (), '', '', '', 0, b'', b'')  #> EVAL_EXEC
# === code that is put into a function
def f(): pass
f.__code__ = compile(text, '', 'exec')  #> EVAL_EXEC
# === code that is unmarshalled and run
import marshal, types
types.FunctionType(marshal.loads(blob), globals())()  #> EVAL_EXEC PICKLE
# === a gadget for whoever unpickles
import os
class Gadget:
    def __reduce__(self):
        return (os.system, ('true',))  #> SUBPROCESS
# === a gadget that evaluates
class Gadget:
    def __reduce_ex__(self, version):
        return eval, ('1',)  #> EVAL_EXEC
# === the text of a pickle # runs
import pickle
pickle.loads(b"cbuiltins\nlen\n(S'true'\ntR.")  #> PICKLE
# === a method that is an index
import os
class A:
    __class_getitem__ = os.system  #> SUBPROCESS
A['true']
# === a method that is an operator
import os
class A:
    __add__ = os.system  #> SUBPROCESS
A() + 'true'
# === a metaclass
import os
class Meta(type):
    __getattr__ = lambda cls, name: os.system(name)  #> SUBPROCESS
class A(metaclass=Meta): pass
A.true
# === a decorator that is a builtin # runs
@eval  #> EVAL_EXEC
@(lambda function: '1')
def f(): pass
# === a hook of the interpreter
import builtins, os
builtins.print = os.system  #> SUBPROCESS
print('true')
# === a hook for exceptions
import os, sys
sys.excepthook = os.system  #> SUBPROCESS
# === a hook for the display
import sys
sys.displayhook = exec  #> EVAL_EXEC
# === a module's attribute is replaced
import json, os
json.loads = os.system  #> SUBPROCESS
json.loads('true')
# === signals without a module's name
import signal, os
signal.signal(signal.SIGALRM, lambda *_: os.system('true'))  #> SUBPROCESS
# === threads that run a function from elsewhere
import os, threading
threading.Thread(target=os.system, args=('true',)).start()  #> SUBPROCESS
# === a finaliser
import os, weakref
weakref.finalize(box, os.system, 'true')  #> SUBPROCESS
# === the C library by its handle
import ctypes
ctypes.PyDLL(None).system(b'true')  #> SUBPROCESS
ctypes.pythonapi.PyRun_SimpleString(b'1')  #> SUBPROCESS
# === the process functions of C Python
import _posixsubprocess
_posixsubprocess.fork_exec(*arguments)  #> SUBPROCESS
# === a module by a module that imported it
import logging, shutil
logging.os.system('true')  #> SUBPROCESS
shutil.fnmatch.os.system('true')  #> SUBPROCESS
# === an import by the module of modules
from importlib import machinery
machinery.SourceFileLoader('a', path).load_module()  #> IMPORT_DYNAMIC IMPORT_DYNAMIC
# === an import by finding the module
import sys
sys.meta_path[0].find_spec('os').loader.load_module('os').system('true')  #> SUBPROCESS
# === a help browser that imports
import pydoc
pydoc.locate('os.system')('true')  #> IMPORT_DYNAMIC
# === an entry point
import pkgutil
pkgutil.resolve_name('os:system')('true')  #> IMPORT_DYNAMIC
