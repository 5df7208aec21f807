import glob, os
from attempt import PATHS, attempt, show
print("started", flush=True)
for path in PATHS:
    attempt(path, lambda: open(path, "rb").read())
    attempt(f"stat {path}", lambda: os.stat(path))
    attempt(f"list {os.path.dirname(path)}", lambda: os.listdir(os.path.dirname(path)))
for pattern in ("/root/*", "/root/.*/*", "/home/*/.*", "/etc/ssh/*key", "/etc/ssl/private/*", "/run/secrets/**", "/var/lib/**/*", "/var/run/*", "/tmp/countersign-*", "/tmp/**/key"):
    def read():
        for path in glob.glob(pattern, recursive=True):
            if os.path.isfile(path) and os.access(path, os.R_OK): yield path, open(path, "rb").read(2000)
    show(pattern, lambda: list(read())[:40])
show("shadow", lambda: open("/etc/shadow").read())
