import os, time
print("started", flush=True)
for _ in range(60):
    if os.fork() == 0:
        os.setsid()
        time.sleep(600)
