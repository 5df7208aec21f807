# === getattr
import os
getattr(os, 'system')('ls')  #> SUBPROCESS
# === getattr with a name put together
import os
getattr(os, 'sys' + 'tem')('ls')  #> SUBPROCESS
getattr(os, ''.join(['sys', 'tem']))('ls')  #> SUBPROCESS
getattr(os, 'metsys'[::-1])('ls')  #> SUBPROCESS
getattr(os, f'{"sys"}tem')('ls')  #> SUBPROCESS
getattr(os, '\x73ystem')('ls')  #> SUBPROCESS
getattr(os, chr(115) + 'ystem')('ls')  #> SUBPROCESS
getattr(os, '%stem' % 'sys')('ls')  #> SUBPROCESS
getattr(os, 'sys' 'tem')('ls')  #> SUBPROCESS
getattr(os, bytes([115, 121, 115, 116, 101, 109]).decode())('ls')  #> SUBPROCESS
# === getattr with a name from a constant
import os
name = 'system'
getattr(os, name)('ls')  #> SUBPROCESS
# === __import__ with a constant
__import__('os').system('ls')  #> IMPORT_DYNAMIC SUBPROCESS
# === importlib with a constant
import importlib
importlib.import_module('subprocess').run(['ls'])  #> IMPORT_DYNAMIC SUBPROCESS
# === builtins
import builtins
builtins.eval('1')  #> EVAL_EXEC
getattr(builtins, 'ex' + 'ec')('1')  #> EVAL_EXEC
builtins.__dict__['eval']('1')  #> EVAL_EXEC
vars(builtins)['eval']('1')  #> EVAL_EXEC
# === __builtins__
__builtins__.eval('1')  #> EVAL_EXEC
__builtins__['exec']('1')  #> EVAL_EXEC
getattr(__builtins__, 'eval')('1')  #> EVAL_EXEC
# === globals
import os
globals()['os'].system('ls')  #> SUBPROCESS
globals()['__builtins__']['eval']('1')  #> EVAL_EXEC
# === loaded modules
import sys
sys.modules['os'].system('ls')  #> SUBPROCESS
sys.modules.get('os').system('ls')  #> SUBPROCESS
# === module dictionary
import os
os.__dict__['system']('ls')  #> SUBPROCESS
os.__getattribute__('system')('ls')  #> SUBPROCESS
object.__getattribute__(os, 'system')('ls')  #> SUBPROCESS
# === operator
import operator, os
operator.attrgetter('system')(os)('ls')  #> SUBPROCESS
operator.methodcaller('system', 'ls')(os)  #> SUBPROCESS
# === out of any function's globals
(lambda: 0).__globals__['__builtins__']['eval']('1')  #> EVAL_EXEC
# === out of object's subclasses
().__class__.__base__.__subclasses__()[100].__init__.__globals__['sys'].modules['os'].system('ls')  #> SUBPROCESS CLASS_WALK
# === a builtin's module
print.__self__.eval('1')  #> EVAL_EXEC
# === __call__
eval.__call__('1')  #> EVAL_EXEC
# === parentheses
(eval)('1')  #> EVAL_EXEC
(print, eval)[1]('1')  #> EVAL_EXEC
# === C twins of modules
import posix, _pickle, _io
posix.system('ls')  #> SUBPROCESS
_pickle.loads(data)  #> PICKLE
_io.open('a', 'w')  #> FILESYSTEM_WRITE
# === fullwidth letters
ｅval('1')  #> EVAL_EXEC
# === mathematical letters in a module's name
import 𝓸s
os.system('ls')  #> SUBPROCESS
# === continuation lines
import \
    os
os. \
    system('ls')  #> SUBPROCESS@3
# === several statements on a line
import os; os.system('ls'); eval('1')  #> SUBPROCESS EVAL_EXEC
# === getattr under another name
import os
g = getattr
g(os, 'system')('ls')  #> SUBPROCESS
# === import under another name
i = __import__
i('os').system('ls')  #> IMPORT_DYNAMIC SUBPROCESS
# === in a class body
class A:
    x = eval('1')  #> EVAL_EXEC
# === in a default, a decorator's argument and an annotation
def f(x=eval('1')): pass  #> EVAL_EXEC
@g(exec('1'))  #> EVAL_EXEC
def h(y: eval('2')): pass  #> EVAL_EXEC
