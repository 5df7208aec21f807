import ctypes, os, struct
from attempt import attempt, syscall
print("started", flush=True)
SIGCHLD = 17
FLAGS = {"user": 0x10000000, "mount": 0x20000, "pid": 0x20000000, "net": 0x40000000, "ipc": 0x8000000, "uts": 0x4000000, "cgroup": 0x2000000}
def born(pid):
    if pid == 0: os._exit(0)
    os.waitpid(pid, 0)
    return pid
def clone3(flags):
    arguments = ctypes.create_string_buffer(struct.pack("=11Q", flags, 0, 0, 0, SIGCHLD, 0, 0, 0, 0, 0, 0))
    return born(syscall(435, ctypes.addressof(arguments), 88))
for name, flag in FLAGS.items():
    attempt(f"clone {name}", lambda: born(syscall(56, flag | SIGCHLD, 0, 0, 0, 0)))
    attempt(f"clone {name} with a user", lambda: born(syscall(56, flag | FLAGS["user"] | SIGCHLD, 0, 0, 0, 0)))
    attempt(f"clone3 {name}", lambda: clone3(flag | FLAGS["user"]))
    attempt(f"enter {name} by a process", lambda: syscall(308, os.pidfd_open(1), flag))
attempt("another root", lambda: syscall(155, ctypes.addressof(ctypes.create_string_buffer(b".")), ctypes.addressof(ctypes.create_string_buffer(b"."))))
os._exit(0)
