# === eval of text
eval('1 + 1')  #> EVAL_EXEC
# === exec and compile on one line
exec(compile(source, 'name', 'exec'))  #> EVAL_EXEC EVAL_EXEC
# === open without a mode reads
with open('data.txt') as handle:  #> FILESYSTEM_READ
    print(handle.read())
# === open with a mode for reading
open('data.bin', 'rb')  #> FILESYSTEM_READ
# === open to write
open('out.txt', 'w').write('x')  #> FILESYSTEM_WRITE
# === open to update
open('out.txt', mode='r+')  #> FILESYSTEM_WRITE
# === open with a mode that cannot be known
open(path, how)  #> FILESYSTEM_WRITE
# === open with arguments that cannot be known
open(*arguments)  #> FILESYSTEM_WRITE
# === mode in a constant
MODE = 'a'
open('log.txt', MODE)  #> FILESYSTEM_WRITE
# === descriptors
import os
os.open('a', os.O_RDONLY | os.O_CLOEXEC)  #> FILESYSTEM_READ
os.open('b', os.O_WRONLY | os.O_CREAT)  #> FILESYSTEM_WRITE
os.open('c', flags)  #> FILESYSTEM_WRITE
# === listing and deleting
import os
for name in os.listdir('.'):  #> FILESYSTEM_READ
    os.remove(name)  #> FILESYSTEM_WRITE
# === paths
from pathlib import Path
text = Path('a').read_text()  #> FILESYSTEM_READ
(Path.home() / 'b').write_text(text)  #> FILESYSTEM_WRITE
Path('c').open('w')  #> FILESYSTEM_WRITE
Path('d').open()  #> FILESYSTEM_READ
# === archives
import tarfile, zipfile
with tarfile.open('a.tgz') as archive:  #> FILESYSTEM_READ
    archive.extractall('out')  #> FILESYSTEM_WRITE
zipfile.ZipFile('b.zip', 'w')  #> FILESYSTEM_WRITE
# === temporary files and trees
import shutil
import tempfile
directory = tempfile.mkdtemp()  #> FILESYSTEM_WRITE
shutil.rmtree(directory)  #> FILESYSTEM_WRITE
# === file databases
import sqlite3
sqlite3.connect('data.db')  #> FILESYSTEM_WRITE
# === log files
import logging
logging.basicConfig(filename='a.log')  #> FILESYSTEM_WRITE
logging.FileHandler('b.log')  #> FILESYSTEM_WRITE
# === subprocess
import subprocess
subprocess.run(['ls'])  #> SUBPROCESS
# === shells, exec and fork
import os
os.system('ls')  #> SUBPROCESS
os.execvp('ls', ['ls'])  #> SUBPROCESS
os.spawnl(os.P_WAIT, 'ls')  #> SUBPROCESS
os.fork()  #> SUBPROCESS
# === pools of processes
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
multiprocessing.Pool(4)  #> SUBPROCESS
with ProcessPoolExecutor() as pool:  #> SUBPROCESS
    pass
# === pseudo-terminals and foreign functions
import ctypes, pty
pty.spawn('/bin/sh')  #> SUBPROCESS
ctypes.CDLL(None).system(b'ls')  #> SUBPROCESS
# === asynchronous processes and streams
import asyncio
async def main():
    await asyncio.create_subprocess_shell('ls')  #> SUBPROCESS
    await asyncio.open_connection('example.org', 80)  #> SOCKET
# === an event loop's own methods
import asyncio
loop = asyncio.get_event_loop()
loop.create_server(factory)  #> SOCKET
# === a call over several lines starts where its first name stands
import subprocess
result = (
    subprocess  #> SUBPROCESS
    .run(
        ['ls'],
    )
)
# === HTTP clients
import urllib.request
urllib.request.urlopen('https://example.org')  #> NETWORK_REQUEST
# === requests and its sessions
import requests
requests.get(url)  #> NETWORK_REQUEST
with requests.Session() as session:  #> NETWORK_REQUEST
    session.post(url)  #> NETWORK_REQUEST
# === mail and file transfer
import ftplib, smtplib
ftplib.FTP('example.org')  #> NETWORK_REQUEST
smtplib.SMTP('localhost')  #> NETWORK_REQUEST
# === sockets and servers
import http.server, socket
socket.socket(socket.AF_INET, socket.SOCK_STREAM)  #> SOCKET
http.server.HTTPServer(('', 8000), Handler)  #> SOCKET
# === pickle and marshal
import marshal, pickle
pickle.loads(data)  #> PICKLE
marshal.load(handle)  #> PICKLE
# === shelves are pickles in a file
import shelve
shelve.open('state')  #> FILESYSTEM_WRITE PICKLE
# === unsafe YAML
import yaml
yaml.load(text)  #> PICKLE
yaml.load(text, Loader=yaml.Loader)  #> PICKLE
yaml.unsafe_load(text)  #> PICKLE
# === imports by name and from a path
import importlib
import importlib.util
importlib.import_module(name)  #> IMPORT_DYNAMIC
__import__(name)  #> IMPORT_DYNAMIC
importlib.util.spec_from_file_location('a', path)  #> IMPORT_DYNAMIC
# === running files and modules
import runpy
runpy.run_path('script.py')  #> IMPORT_DYNAMIC
# === timers and profilers that take text
import cProfile, timeit
timeit.timeit('f()')  #> EVAL_EXEC
cProfile.run('main()')  #> EVAL_EXEC
# === inside a format string
f'{eval(text)}'  #> EVAL_EXEC
# === suppression comments silence nothing
eval(text)  # noqa: S307  # nosec  # type: ignore  #> EVAL_EXEC
# === the Python 2 statement
exec "import os"  #> EVAL_EXEC
