import os, shutil, subprocess
from attempt import attempt
print("started", flush=True)
for call in ("setuid", "setgid", "seteuid", "setegid"): attempt(call, lambda: getattr(os, call)(0))
attempt("setgroups", lambda: os.setgroups([0]))
shutil.copy("/bin/sh", "shell")
os.chmod("shell", 0o6755)
def rooted(command):
    found = subprocess.run(command, capture_output=True, text=True, timeout=2, stdin=subprocess.DEVNULL, check=True).stdout.strip()
    if found != "0": raise PermissionError(found)
for command in (["./shell", "-pc", "id -u"], ["su", "-c", "id -u"], ["sudo", "-n", "id", "-u"], ["pkexec", "id", "-u"], ["newuidmap", "1", "0", "0", "1"], ["setpriv", "--reuid=0", "id", "-u"]):
    attempt(" ".join(command), lambda: rooted(command))
attempt("file capabilities", lambda: os.setxattr("shell", "security.capability", b"\x01\0\0\x02\xff\xff\xff\xff\0\0\0\0\xff\xff\xff\xff\0\0\0\0"))
attempt("give away", lambda: os.chown("shell", 0, 0))
