import ctypes, os
from attempt import attempt, write
print("started", flush=True)
libc = ctypes.CDLL(None, use_errno=True)
def checked(result):
    if result: raise OSError(ctypes.get_errno(), "refused")
for flag in (0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000, 0x80):
    attempt(f"unshare {flag:x}", lambda: checked(libc.unshare(flag)))
for kind in ("mnt", "net", "pid", "user", "uts", "ipc", "cgroup"):
    for process in ("1", "self"):
        attempt(f"enter {process} {kind}", lambda: checked(libc.setns(os.open(f"/proc/{process}/ns/{kind}", os.O_RDONLY), 0)))
for path in ("/proc/self/uid_map", "/proc/self/gid_map", "/proc/self/setgroups"):
    attempt(path, lambda: write(path, "0 0 1"))
