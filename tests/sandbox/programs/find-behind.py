import ctypes, os, socket
from attempt import attempt
print("started", flush=True)
libc = ctypes.CDLL(None, use_errno=True)
KEY = 0x5EC12E7
def checked(result):
    if result < 0: raise OSError(ctypes.get_errno(), "refused")
    return result
for path in ("/tmp/left", "/dev/shm/left", "left", "/var/tmp/left", "/run/left"): attempt(path, lambda: open(path, "rb").read())
attempt("shared memory", lambda: checked(libc.shmget(KEY, 4096, 0)))
attempt("semaphores", lambda: checked(libc.semget(KEY, 1, 0)))
attempt("messages", lambda: checked(libc.msgget(KEY, 0)))
attempt("a POSIX queue", lambda: checked(libc.mq_open(b"/left", os.O_RDWR)))
def connect(family, address):
    with socket.socket(family) as client:
        client.settimeout(1)
        client.connect(address)
for address in (b"\0countersign-left", b"/tmp/left.socket"): attempt(f"socket {address}", lambda: connect(socket.AF_UNIX, address))
attempt("loopback", lambda: connect(socket.AF_INET, ("127.0.0.1", 45_678)))
def others():
    mine = {os.getpid(), os.getppid(), 1}
    found = [open(f"/proc/{pid}/cmdline", "rb").read() for pid in os.listdir("/proc") if pid.isdigit() and int(pid) not in mine]
    if not any(b"leave-behind" in line for line in found): raise ProcessLookupError()
    return found
attempt("its processes", others)
attempt("names of its sockets", lambda: {True: 1}["countersign-left" in open("/proc/net/unix").read()])
for call in ("shmctl", "msgctl"): attempt(call, lambda: checked(getattr(libc, call)(0, 2, ctypes.create_string_buffer(256))))
os._exit(0)
