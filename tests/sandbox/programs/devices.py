import os
from attempt import attempt
print("started", flush=True)
harmless = {"null", "zero", "full", "random", "urandom", "tty", "ptmx", "stdin", "stdout", "stderr"}
for directory, _, names in os.walk("/dev"):
    for name in names:
        path = f"{directory}/{name}"
        if name in harmless or directory.startswith(("/dev/pts", "/dev/fd", "/dev/shm", "/dev/mqueue")): continue
        attempt(path, lambda: os.open(path, os.O_RDWR))
for path in ("/dev/mem", "/dev/kmem", "/dev/port", "/dev/sda", "/dev/vda", "/dev/loop-control", "/dev/fuse", "/dev/kvm", "/dev/net/tun", "/dev/mapper/control"):
    attempt(path, lambda: os.open(path, os.O_RDWR))
