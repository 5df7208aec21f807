import os
from attempt import ESCAPED, PATHS, attempt, write
print("started", flush=True)
for path in PATHS + [ESCAPED.replace("/tmp/", "/var/tmp/"), "/etc/passwd", "/etc/ld.so.preload", "/usr/bin/owned", "/usr/lib/owned", "/bin/owned", "/root/owned", "/run/owned", "/owned", "/proc/self/exe"]:
    if path.startswith("/var/tmp/") and os.path.realpath("/var/tmp") == "/tmp": continue
    attempt(path, lambda: write(path, "owned"))
for path in ("/workspace", "/tmp", "/usr", "/etc"):
    attempt(f"rename {path}", lambda: os.rename(path, path + "-moved"))
    attempt(f"remove {path}", lambda: os.rmdir(path))
open(ESCAPED, "w").write("in the private /tmp alone")
