import os, signal
from attempt import PIDS, attempt
print("started", flush=True)
for pid in PIDS:
    for number in (0, signal.SIGSTOP, signal.SIGTERM, signal.SIGKILL):
        attempt(f"signal {number} to {pid}", lambda: os.kill(pid, number))
        attempt(f"signal {number} to group {pid}", lambda: os.killpg(pid, number))
    attempt(f"renice {pid}", lambda: os.setpriority(os.PRIO_PROCESS, pid, 19))
    attempt(f"look into {pid}", lambda: open(f"/proc/{pid}/environ").read())
    attempt(f"open {pid}", lambda: os.pidfd_open(pid))
signal.signal(signal.SIGTERM, signal.SIG_IGN)
try: os.kill(-1, signal.SIGTERM)
except OSError: pass
print("still here")
