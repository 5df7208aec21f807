import os
from attempt import attempt, show
print("started", flush=True)
for path in (
    "/proc/kcore", "/proc/kmsg", "/proc/kpagecount", "/proc/kpageflags", "/proc/kpagecgroup", "/proc/vmallocinfo", "/proc/slabinfo",
    "/proc/timer_list", "/proc/sched_debug", "/proc/iomem", "/proc/ioports", "/proc/fs/jbd2", "/sys/kernel/debug", "/sys/kernel/tracing",
    "/sys/kernel/security", "/sys/fs/bpf", "/sys/firmware", "/boot", "/lib/modules", "/dev/mem", "/dev/userfaultfd", "/dev/cpu/0/msr",
):
    def read():
        if os.path.isdir(path): return os.listdir(path) or (_ for _ in ()).throw(FileNotFoundError(path))
        data = os.pread(os.open(path, os.O_RDONLY), 4096, 0)
        # Addresses that are only zeros tell nothing.
        if not data.replace(b"0", b"").strip(): raise PermissionError(path)
        return data
    if path in ("/proc/iomem", "/proc/ioports"): show(path, read)
    else: attempt(path, read)
def addresses():
    known = [line for line in open("/proc/kallsyms") if not line.startswith("0" * 16)]
    if not known: raise PermissionError("only zeros")
    return known[:3]
attempt("where the kernel lies", addresses)
attempt("modules in memory", lambda: [line for line in open("/proc/modules") if not line.rstrip().endswith(("0x0000000000000000",))][:3] or 1 / 0)
os._exit(0)
