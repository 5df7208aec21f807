import os
from attempt import attempt
print("started", flush=True)
for descriptor in range(3, 1024):
    try: target = os.readlink(f"/proc/self/fd/{descriptor}")
    except OSError: continue
    if not target.startswith(("/proc/", "pipe:")) : print("BREAKOUT", descriptor, target)
    if target.startswith("pipe:"): attempt(f"pipe {descriptor}", lambda: os.write(descriptor, b'{ "exit-code": 0 }\n'))
for descriptor in range(64):
    attempt(f"the first process's {descriptor}", lambda: os.open(f"/proc/1/fd/{descriptor}", os.O_RDWR))
attempt("up from stdin", lambda: os.listdir("/proc/self/fd/0/.."))
raise SystemExit(9)
