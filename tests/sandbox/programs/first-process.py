import os
from attempt import attempt, write
print("started", flush=True)
def read(name): return os.read(os.open(f"/proc/1/{name}", os.O_RDONLY), 100) or (_ for _ in ()).throw(ValueError("empty"))
for name in ("mem", "maps", "smaps", "environ", "auxv", "stack", "syscall", "io", "pagemap"): attempt(f"its {name}", lambda: read(name))
for name in ("exe", "cwd", "root", "ns/mnt", "fd/0", "fd/9"): attempt(f"its {name}", lambda: os.readlink(f"/proc/1/{name}"))
for name in ("map_files", "root/", "cwd/"): attempt(f"list its {name}", lambda: os.listdir(f"/proc/1/{name}") or 1 / 0)
for name, text in (("mem", "x"), ("oom_score_adj", "-1000"), ("attr/current", "x"), ("timerslack_ns", "1"), ("setgroups", "deny"), ("uid_map", "0 0 1"), ("comm", "owned"), ("loginuid", "0")):
    attempt(f"write its {name}", lambda: write(f"/proc/1/{name}", text))
# What runs every command of every run must not be what a run can write.
for path in {os.path.realpath(name) for name in ("/bin/sh", "/proc/self/exe", "/usr/bin/bwrap", "/usr/bin/setpriv", "/usr/bin/prlimit", "/usr/lib/x86_64-linux-gnu/libc.so.6", "/lib64/ld-linux-x86-64.so.2")}:
    attempt(f"write {path}", lambda: os.open(path, os.O_RDWR))
    attempt(f"replace {path}", lambda: os.replace("attempt.py", path))
    attempt(f"make {path} writable", lambda: os.chmod(path, 0o777))
attempt("its larger limits", lambda: __import__("resource").prlimit(1, 7, (1 << 20, 1 << 20)))
os._exit(0)
