# === the modes of open # runs
open(path).close()  #> FILESYSTEM_READ
open(path, 'rt').close()  #> FILESYSTEM_READ
open(path, mode='a').close()  #> FILESYSTEM_WRITE
open(path, 'r+b').close()  #> FILESYSTEM_WRITE
open('new.txt', 'x').close()  #> FILESYSTEM_WRITE
# === reading directories # runs
import glob
import os
os.scandir('.').close()  #> FILESYSTEM_READ
list(os.walk('.'))  #> FILESYSTEM_READ
glob.glob('*.txt')  #> FILESYSTEM_READ
# === making and removing # runs
import os
os.mkdir('d')  #> FILESYSTEM_WRITE
os.rename('d', 'e')  #> FILESYSTEM_WRITE
os.rmdir('e')  #> FILESYSTEM_WRITE
os.makedirs('f/g', exist_ok=True)  #> FILESYSTEM_WRITE
# === links, modes and times # runs
import os
os.symlink('data.txt', 'link')  #> FILESYSTEM_WRITE
os.chmod('data.txt', 0o600)  #> FILESYSTEM_WRITE
os.utime('data.txt')  #> FILESYSTEM_WRITE
os.truncate('data.txt', 1)  #> FILESYSTEM_WRITE
# === copies and trees # runs
import shutil
shutil.copyfile('data.txt', 'copy.txt')  #> FILESYSTEM_WRITE
shutil.move('copy.txt', 'moved.txt')  #> FILESYSTEM_WRITE
shutil.rmtree('nothing', ignore_errors=True)  #> FILESYSTEM_WRITE
# === the methods of a path # runs
from pathlib import Path
Path('p.txt').write_text('x')  #> FILESYSTEM_WRITE
Path('p.txt').read_bytes()  #> FILESYSTEM_READ
Path('p.txt').touch()  #> FILESYSTEM_WRITE
list(Path('.').iterdir())  #> FILESYSTEM_READ
Path('p.txt').unlink()  #> FILESYSTEM_WRITE
# === temporary files in every form # runs
import tempfile
tempfile.NamedTemporaryFile().close()  #> FILESYSTEM_WRITE
tempfile.TemporaryDirectory().cleanup()  #> FILESYSTEM_WRITE
tempfile.mkstemp()  #> FILESYSTEM_WRITE
# === compressed files # runs
import bz2, gzip, lzma
gzip.open('a.gz', 'wb').close()  #> FILESYSTEM_WRITE
gzip.open('a.gz').close()  #> FILESYSTEM_READ
bz2.BZ2File('a.bz2', 'w').close()  #> FILESYSTEM_WRITE
lzma.open('a.xz', mode='wb').close()  #> FILESYSTEM_WRITE
# === an old way to open # runs
import codecs, io
codecs.open(path, 'r', 'utf-8').close()  #> FILESYSTEM_READ
io.open(path, 'w').close()  #> FILESYSTEM_WRITE
io.FileIO(path).close()  #> FILESYSTEM_READ
# === lines of files # runs
import fileinput, linecache
linecache.getline(path, 1)  #> FILESYSTEM_READ
# === a database in a file # runs
import sqlite3
sqlite3.connect('a.db').close()  #> FILESYSTEM_WRITE
# === a mode behind a condition that is a constant
open(path, 'w' if fresh else 'a')  #> FILESYSTEM_WRITE
# === a module that is compiled to a file
import py_compile
py_compile.compile('a.py')  #> FILESYSTEM_WRITE
