import os, signal
print("started", flush=True)
for number in range(1, 65):
    for pid in (1, os.getppid()):
        if pid in (0, os.getpid()): continue
        try: os.kill(pid, number)
        except OSError: pass
os._exit(7)
