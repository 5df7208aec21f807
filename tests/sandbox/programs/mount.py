import ctypes, os, subprocess
from attempt import attempt
print("started", flush=True)
libc = ctypes.CDLL(None, use_errno=True)
def mount(source, target, kind, flags=0, data=None):
    if libc.mount(source, target, kind, ctypes.c_ulong(flags), data): raise OSError(ctypes.get_errno(), "refused")
os.makedirs("/tmp/place", exist_ok=True)
attempt("tmpfs", lambda: mount(b"x", b"/tmp/place", b"tmpfs"))
attempt("proc", lambda: mount(b"x", b"/tmp/place", b"proc"))
attempt("sysfs", lambda: mount(b"x", b"/tmp/place", b"sysfs"))
attempt("cgroup", lambda: mount(b"x", b"/tmp/place", b"cgroup", 0, b"memory"))
attempt("bind", lambda: mount(b"/", b"/tmp/place", None, 4096))
attempt("writable root", lambda: mount(None, b"/", None, 32 | 4096))
attempt("overlay", lambda: mount(b"x", b"/tmp/place", b"overlay", 0, b"lowerdir=/,upperdir=/tmp,workdir=/tmp/place"))
def unmount(target):
    if libc.umount2(target, 2): raise OSError(ctypes.get_errno(), "refused")
attempt("unmount /proc", lambda: unmount(b"/proc"))
attempt("chroot", lambda: os.chroot("/tmp"))
for command in (["unshare", "-Urm", "true"], ["unshare", "-rn", "true"], ["mount", "-t", "tmpfs", "x", "/tmp/place"], ["bwrap", "--bind", "/", "/", "true"], ["nsenter", "-t", "1", "-m", "true"]):
    attempt(" ".join(command), lambda: subprocess.run(command, check=True, capture_output=True))
