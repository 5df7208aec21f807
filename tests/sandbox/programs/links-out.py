import os
from attempt import PATHS, attempt, write
print("started", flush=True)
targets = PATHS + ["/etc/shadow", "/proc/1/environ", "/proc/self/root", "/root", "/", "../..", "/dev/zero"]
for number, target in enumerate(targets):
    os.symlink(target, f"link-{number}")
    os.symlink(os.path.dirname(target) or "/", f"parent-{number}")
for number, target in enumerate(PATHS):
    attempt(f"read by link {number}", lambda: open(f"link-{number}").read())
    attempt(f"write by link {number}", lambda: write(f"link-{number}", "changed"))
    attempt(f"list by link {number}", lambda: os.listdir(f"parent-{number}"))
    attempt(f"hard link {number}", lambda: os.link(target, f"hard-{number}"))
attempt("hard link to the system", lambda: os.link("/etc/passwd", "hard-system"))
attempt("climb", lambda: open("../" * 20 + PATHS[0].lstrip("/")).read())
