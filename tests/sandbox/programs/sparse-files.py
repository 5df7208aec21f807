import os, signal
from attempt import attempt
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
print("started", flush=True)
TEN_TIB = 10 << 40
def create(name): return os.open(name, os.O_CREAT | os.O_RDWR)
attempt("ten sparse terabytes", lambda: os.truncate(create("a"), TEN_TIB))
attempt("a byte behind ten terabytes", lambda: os.pwrite(create("b"), b"x", TEN_TIB))
attempt("ten terabytes in /tmp", lambda: os.truncate(create("/tmp/c"), TEN_TIB))
attempt("ten terabytes in shared memory", lambda: os.truncate(create("/dev/shm/d"), TEN_TIB))
for name in ("/tmp/hole", "hole"):
    with open(name, "wb") as file: file.truncate(32 << 20)
# Together they look like terabytes, and are nothing.
os.makedirs("many")
for number in range(2_000): os.truncate(create(f"many/{number}") if number < 200 else f"many/{number % 200}", 60 << 20)
os.chmod("many", 0)
os._exit(0)
