import os
from attempt import ESCAPED, attempt, write
print("started", flush=True)
for path, text in (
    ("/proc/sys/kernel/core_pattern", f"|/bin/touch {ESCAPED}"), ("/proc/sys/kernel/modprobe", "/tmp/x"), ("/proc/sys/kernel/hostname", "owned"),
    ("/proc/sysrq-trigger", "b"), ("/proc/sys/vm/drop_caches", "3"), ("/proc/sys/fs/suid_dumpable", "2"), ("/proc/self/oom_score_adj", "-1000"),
    ("/proc/sys/net/ipv4/ip_forward", "1"), ("/proc/irq/default_smp_affinity", "1"), ("/sys/kernel/uevent_helper", "/tmp/x"),
    ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "-1"), ("/sys/fs/cgroup/release_agent", "/tmp/x"), ("/sys/fs/cgroup/cgroup.procs", "1"),
    ("/sys/fs/cgroup/memory.max", "max"), ("/sys/fs/cgroup/pids/pids.max", "max"),
):
    attempt(path, lambda: write(path, text))
attempt("time", lambda: __import__("time").clock_settime(0, 0))
attempt("host name", lambda: __import__("socket").sethostname("owned"))
attempt("priority", lambda: os.setpriority(os.PRIO_PROCESS, 0, -10))
attempt("real time", lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(50)))
attempt("more files", lambda: __import__("resource").setrlimit(7, (1 << 20, 1 << 20)))
attempt("longer files", lambda: __import__("resource").setrlimit(1, (-1, -1)))
attempt("cores", lambda: __import__("resource").setrlimit(4, (-1, -1)))
