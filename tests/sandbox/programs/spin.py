import os, signal
for number in range(1, 65):
    try: signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError): pass
print("started", flush=True)
for _ in range(3):
    if os.fork() == 0: break
while True: pass
