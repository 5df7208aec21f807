import os, signal
from attempt import attempt
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
print("started", flush=True)
attempt("a sparse terabyte", lambda: os.truncate(os.open("sparse", os.O_CREAT | os.O_RDWR), 1 << 40))
attempt("an allocated gigabyte", lambda: os.posix_fallocate(os.open("allocated", os.O_CREAT | os.O_RDWR), 0, 1 << 30))
def write():
    with open("written", "wb", buffering=0) as file:
        for _ in range(600):
            if file.write(bytes(1 << 20)) < 1 << 20: raise OSError("full")
attempt("600 MiB in one file", write)
