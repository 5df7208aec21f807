import threading, time
print("started", flush=True)
count = 0
while True:
    try:
        threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
        count += 1
    except RuntimeError: break
print("threads", count, flush=True)
import os
os._exit(0 if count < 300 else 1)
