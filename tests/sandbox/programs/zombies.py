import os
print("started", flush=True)
count = 0
try:
    while True:
        if os.fork() == 0: os._exit(0)
        count += 1
except OSError: pass
print("zombies", count)
raise SystemExit(0 if count < 300 else 1)
