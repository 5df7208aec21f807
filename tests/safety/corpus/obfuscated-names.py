# === a name in pieces # runs
import os
a = 'sys'
b = 'tem'
getattr(os, a + b)('true')  #> SUBPROCESS
# === a name by format # runs
import os
getattr(os, '{}{}'.format('sys', 'tem'))('true')  #> SUBPROCESS
# === a name by replacement # runs
import os
getattr(os, 'sXstem'.replace('X', 'y'))('true')  #> SUBPROCESS
# === a name by letters # runs
import os
getattr(os, ''.join(chr(point) for point in [115, 121, 115, 116, 101, 109]))('true')  #> SUBPROCESS
# === a name by map # runs
import os
getattr(os, ''.join(map(chr, [115, 121, 115, 116, 101, 109])))('true')  #> SUBPROCESS
# === a name in base64 # runs
import base64, os
getattr(os, base64.b64decode('c3lzdGVt').decode())('true')  #> SUBPROCESS
# === a name in hexadecimal # runs
import os
getattr(os, bytes.fromhex('73797374656d').decode())('true')  #> SUBPROCESS
# === a name in rot13 # runs
import codecs, os
getattr(os, codecs.decode('flfgrz', 'rot13'))('true')  #> SUBPROCESS
# === a name in lower case # runs
import os
getattr(os, 'SYSTEM'.lower())('true')  #> SUBPROCESS
# === a name cut from another # runs
import os
getattr(os, 'xsystemx'[1:-1])('true')  #> SUBPROCESS
getattr(os, 'xsystemx'.strip('x'))('true')  #> SUBPROCESS
# === a computed attribute of os
import os
getattr(os, input())('true')  #> COMPUTED_NAME
# === a computed attribute of subprocess
import subprocess
getattr(subprocess, name)(['true'])  #> COMPUTED_NAME
# === a computed attribute of builtins
import builtins
getattr(builtins, name)('1')  #> COMPUTED_NAME
# === a computed item of the builtins
__builtins__[name]('1')  #> COMPUTED_NAME
# === a builtin by a name in pieces
__builtins__['ev' + 'al']('1')  #> EVAL_EXEC
getattr(__builtins__, 'ex' 'ec')('1')  #> EVAL_EXEC
# === vars of a module # runs
import os
vars(os)['system']('true')  #> SUBPROCESS
vars(os).get('sys' + 'tem')('true')  #> SUBPROCESS
# === globals and locals # runs
import os
globals()['o' + 's'].system('true')  #> SUBPROCESS
locals()['os'].system('true')  #> SUBPROCESS
globals().get('os').system('true')  #> SUBPROCESS
# === loaded modules by a name in pieces # runs
import sys
sys.modules['o' + 's'].system('true')  #> SUBPROCESS
# === the modules of sys under another name # runs
from sys import modules as m
m['os'].system('true')  #> SUBPROCESS
# === the import function by its own name in builtins # runs
__builtins__.__import__('os').system('true')  #> IMPORT_DYNAMIC SUBPROCESS
# === an import of a name in pieces # runs
__import__('o' + 's').system('true')  #> IMPORT_DYNAMIC SUBPROCESS
# === an import that is called by getattr # runs
getattr(__import__('os'), 'system')('true')  #> IMPORT_DYNAMIC SUBPROCESS
# === an import of a submodule # runs
__import__('os.path', fromlist=['path']).os.system('true')  #> IMPORT_DYNAMIC SUBPROCESS
# === importlib under another name # runs
from importlib import import_module as load
load('sub' + 'process').call(['true'])  #> IMPORT_DYNAMIC SUBPROCESS
# === importlib's own import # runs
import importlib
importlib.__import__('os').system('true')  #> IMPORT_DYNAMIC SUBPROCESS
# === attrgetter of a path # runs
from operator import attrgetter
import os
attrgetter('path.os.system')(os)('true')  #> SUBPROCESS
# === itemgetter of a dictionary # runs
import operator, os
operator.itemgetter('system')(vars(os))('true')  #> SUBPROCESS
# === methodcaller # runs
import operator, os
operator.methodcaller('system', 'true')(os)  #> SUBPROCESS
# === __getattribute__ # runs
import os
os.__getattribute__('sys' + 'tem')('true')  #> SUBPROCESS
# === the dictionary of a module # runs
import os
os.__dict__['sys' + 'tem']('true')  #> SUBPROCESS
os.__dict__.get('system')('true')  #> SUBPROCESS
# === getattr through a partial
from functools import partial
import os
partial(getattr, os)('system')('true')  #> SUBPROCESS
# === getattr through a list of names
import os
for name in ['system', 'popen']:
    getattr(os, name)('true')  #> COMPUTED_NAME
# === reduce over names # runs
from functools import reduce
import os
reduce(getattr, ['path', 'os', 'system'], os)('true')  #> SUBPROCESS
# === map of a builtin by name
list(map(getattr(__builtins__, 'eval'), [text]))  #> EVAL_EXEC
# === exec of text that is decoded # runs
import base64
exec(base64.b64decode('cGFzcw=='))  #> EVAL_EXEC
# === exec of text that is decompressed
import zlib
exec(zlib.decompress(blob))  #> EVAL_EXEC
# === exec of text that is decrypted by its letters # runs
exec(''.join(chr(ord(letter) - 1) for letter in 'qbtt'))  #> EVAL_EXEC
# === exec under another name from codecs # runs
import codecs
run = exec
run(codecs.decode('cnff', 'rot13'))  #> EVAL_EXEC
# === eval of eval # runs
eval('eval("1")')  #> EVAL_EXEC
# === compiled in one place and run in another # runs
program = compile('1', '', 'eval')  #> EVAL_EXEC
eval(program)  #> EVAL_EXEC
# === a lambda around everything # runs
(lambda f, *args: f(*args))(eval, '1')  #> EVAL_EXEC
# === a name with letters that NFKC changes # runs
ｅｘｅｃ('pass')  #> EVAL_EXEC
# === an escape in a string
import os
getattr(os, '\u0073ystem')('true')  #> SUBPROCESS
getattr(os, '\N{LATIN SMALL LETTER S}ystem')('true')  #> SUBPROCESS
# === semicolons and continuations # runs
import os; run = os \
    .system; run('true')  #> SUBPROCESS
# === a local that is read through locals()
import os
def f():
    run = os.system  #> SUBPROCESS
    run = None if not locals()['run'] else print
f()
