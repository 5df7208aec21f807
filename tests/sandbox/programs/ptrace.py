import os, time
from attempt import attempt, syscall
print("started", flush=True)
child = os.fork()
if child == 0: time.sleep(600)
for pid in (1, child, os.getppid()):
    attempt(f"ptrace attach {pid}", lambda: syscall(101, 16, pid, 0, 0))
    attempt(f"ptrace seize {pid}", lambda: syscall(101, 0x4206, pid, 0, 0))
    attempt(f"read memory {pid}", lambda: syscall(310, pid, 0, 0, 0, 0, 0))
    attempt(f"take a descriptor {pid}", lambda: syscall(438, os.pidfd_open(pid), 0, 0))
attempt("trace me", lambda: syscall(101, 0, 0, 0, 0))
for mode in ("rb", "r+b"): attempt("memory of the first process", lambda: open("/proc/1/mem", mode))
