# === each way of subprocess # runs
import subprocess
subprocess.call(['true'])  #> SUBPROCESS
subprocess.check_output('true', shell=True)  #> SUBPROCESS
subprocess.Popen(['true'])  #> SUBPROCESS
subprocess.getoutput('true')  #> SUBPROCESS
# === shells of os # runs
import os
os.system('true')  #> SUBPROCESS
os.popen('true')  #> SUBPROCESS
# === spawn, exec and fork # runs
import os
os.posix_spawn('/bin/true', ['true'], {})  #> SUBPROCESS
os.posix_spawnp('true', ['true'], {})  #> SUBPROCESS
os.spawnlp(os.P_WAIT, 'true', 'true')  #> SUBPROCESS
os.execv('/bin/true', ['true'])  #> SUBPROCESS
os.execle('/bin/true', 'true', {})  #> SUBPROCESS
os.fork()  #> SUBPROCESS
os.forkpty()  #> SUBPROCESS
# === a pseudo-terminal # runs
import pty
pty.spawn(['true'])  #> SUBPROCESS
# === a process of Python # runs
import multiprocessing
multiprocessing.get_context('fork').Process(target=print).start()  #> SUBPROCESS
# === pools of multiprocessing
from multiprocessing import Pool, Process, Manager
Process(target=print)  #> SUBPROCESS
with Pool(2) as pool:  #> SUBPROCESS
    pool.map(len, names)
Manager()  #> SUBPROCESS
# === foreign functions # runs
import ctypes
ctypes.CDLL('libnothing.so')  #> SUBPROCESS
ctypes.cdll.LoadLibrary('libnothing.so')  #> SUBPROCESS
# === foreign functions by attribute
import ctypes
ctypes.cdll.kernel32.WinExec(b'calc', 1)  #> SUBPROCESS
# === foreign functions of cffi
from cffi import FFI
ffi = FFI()
libc = ffi.dlopen(None)  #> SUBPROCESS
# === asynchronous processes without a shell
import asyncio
async def main():
    await asyncio.create_subprocess_exec('true')  #> SUBPROCESS
asyncio.run(main())
# === a browser
import webbrowser
webbrowser.open('file:///nothing')  #> SUBPROCESS
# === packages that run commands
import pexpect, psutil, sh
pexpect.spawn('true')  #> SUBPROCESS
psutil.Popen(['true'])  #> SUBPROCESS
sh.Command('true')()  #> SUBPROCESS
# === evaluating # runs
eval('1')  #> EVAL_EXEC
exec('pass')  #> EVAL_EXEC
compile('1', 'name', 'eval')  #> EVAL_EXEC
# === interpreters as objects # runs
import code
code.InteractiveInterpreter().runsource('1')  #> EVAL_EXEC
# === code objects # runs
import types
types.FunctionType((lambda: 0).__code__, {})  #> EVAL_EXEC
# === a debugger given text
import pdb
pdb.run('1')  #> EVAL_EXEC
# === breakpoint stops for whoever debugs
breakpoint()  #> EVAL_EXEC
# === timing code in text # runs
import timeit
timeit.timeit('1', number=1)  #> EVAL_EXEC
timeit.repeat(stmt='1', repeat=1, number=1)  #> EVAL_EXEC
# === imports of computed names # runs
import colorsys
import importlib
importlib.import_module(name)  #> IMPORT_DYNAMIC
importlib.reload(colorsys)  #> IMPORT_DYNAMIC
# === the builtin import of a computed name # runs
__import__(name)  #> IMPORT_DYNAMIC
# === running a module by name
import runpy
runpy.run_module('this')  #> IMPORT_DYNAMIC
# === pickles in every form # runs
import pickle
pickle.loads(data)  #> PICKLE
# === an unpickler as an object
import io, pickle
pickle.Unpickler(io.BytesIO(data)).load()  #> PICKLE
# === marshalled code # runs
import marshal
marshal.loads(marshal.dumps(1))  #> PICKLE
# === models and frames that are pickles
import joblib, pandas, torch
joblib.load('a')  #> PICKLE
pandas.read_pickle('a')  #> PICKLE
torch.load('a')  #> PICKLE
# === arrays that may be pickles
import numpy as np
np.load('a.npy', allow_pickle=True)  #> FILESYSTEM_READ PICKLE
np.load('a.npy')  #> FILESYSTEM_READ
# === unsafe loaders of YAML
import yaml
yaml.full_load(text)  #> PICKLE
yaml.load(text, yaml.UnsafeLoader)  #> PICKLE PICKLE
